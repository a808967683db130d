"""Writing and reading by annotation with msgspec: the hooks, and sets in an order of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as mi

from stepwell.serde.models import dump_model, is_model, load_model

Encode = Callable[[Any], bytes]


def decoder_for(tp: Any) -> Callable[[Any], Any]:
    """Reads JSON text as `tp`; raises TypeError for annotations that msgspec does not know."""
    return msgspec.json.Decoder(tp, dec_hook=_read_custom).decode


def adapt(value: Any, tp: Any) -> Any:
    """A value as one of `tp`: as it is if it is one, else what its JSON form is when read by that annotation.

    For values of senders who did not know the annotation. Raises whatever msgspec or a model's validation raises.
    """
    try:
        return msgspec.convert(value, tp, dec_hook=_keep_custom)
    except Exception:
        return msgspec.json.decode(_encode(value), type=tp, dec_hook=_read_custom)


def _keep_custom(cls: Any, value: Any) -> Any:
    return value if isinstance(cls, type) and isinstance(value, cls) else _read_custom(cls, value)


def encoder_for(info: mi.Type) -> Encode | None:
    """Writes values of an annotation so that equal ones give equal texts, or None if only tags can.

    Sets have no order: two processes would write the same set differently, and the digest of a run's input
    would differ. msgspec sorts sets only together with dicts, whose order must be kept.
    """
    kinds = {type(part) for part in _parts(info, set())}
    if kinds.isdisjoint(_UNORDERED):
        return _encode
    return _encode_sorted if kinds.isdisjoint(_ORDERED) else None


def _parts(info: mi.Type, seen: set[int]) -> Iterator[mi.Type]:
    if id(info) in seen:
        return
    seen.add(id(info))
    yield info
    for name in info.__struct_fields__:
        value = getattr(info, name)
        for part in value if isinstance(value, tuple) else (value,):
            inner = part.type if isinstance(part, mi.Field) else part
            if isinstance(inner, mi.Type):
                yield from _parts(inner, seen)


def _write_custom(value: Any) -> Any:
    if is_model(type(value)):
        return dump_model(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__qualname__} has no form in JSON")


def _read_custom(cls: Any, data: Any) -> Any:
    if cls is object:
        return data
    if isinstance(cls, type) and is_model(cls):
        return load_model(cls, data)
    if isinstance(cls, type) and issubclass(type(Path()), cls) and isinstance(data, str):
        return Path(data)
    raise TypeError(f"{cls!r} has no form in JSON")


_encode = msgspec.json.Encoder(enc_hook=_write_custom).encode
_encode_sorted = msgspec.json.Encoder(enc_hook=_write_custom, order="deterministic").encode

_UNORDERED = {mi.SetType, mi.FrozenSetType}
_ORDERED = {mi.AnyType, mi.CustomType, mi.DictType, mi.TypedDictType, mi.RawType}
