"""The state of instances of plain classes, and instances made of it again.

Known kinds: dataclasses, attrs classes, msgspec Structs, named tuples (pydantic models: see models.py).
Rebuilding sets the state as it was recorded and runs no code of the class: no `__init__`, no `__post_init__`
(a Struct's excepted: msgspec offers no other way), so a live value and its replay cannot drift apart.
"""

import dataclasses
import functools
import types
from collections.abc import Callable
from typing import Any

import msgspec

from stepwell.errors import UnreadablePayload
from stepwell.serde.models import is_model, model_parts


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """How instances of one class are taken apart and built."""

    parts: Callable[[Any], dict[str, Any]]
    build: Callable[[dict[str, Any]], Any]
    runs_code: bool = False  # building may change the state: what comes out must be compared
    required: frozenset[str] = frozenset()  # parts that building cannot do without


def parts_of(value: object) -> dict[str, Any] | None:
    """The whole state of an instance of a known kind, or None."""
    cls: Any = type(value)
    kind = kind_of(cls)
    if kind is not None:
        return kind.parts(value)
    return model_parts(value) if is_model(cls) else None


@functools.lru_cache(maxsize=2048)
def kind_of(cls: type[Any]) -> Kind | None:
    """What is known about a class; None for everything that Stepwell does not take apart."""
    if issubclass(cls, msgspec.Struct):
        runs_code = hasattr(cls, "__post_init__")
        return Kind(_struct_parts, functools.partial(_build_struct, cls), runs_code)
    if issubclass(cls, tuple):
        fields = getattr(cls, "_fields", None)
        is_named = isinstance(fields, tuple) and all(isinstance(name, str) for name in fields)
        return Kind(_tuple_parts, functools.partial(_build_tuple, cls)) if is_named else None
    if is_model(cls) or not all(base.__flags__ & HEAP_TYPE for base in cls.__mro__[:-1]):
        return None  # a builtin or C base keeps state that cannot be seen from here
    if dataclasses.is_dataclass(cls):
        defaults = {field.name: _dataclass_default(field) for field in dataclasses.fields(cls)}
    elif isinstance(getattr(cls, "__attrs_attrs__", None), tuple):
        defaults = {field.name: _attrs_default(field) for field in cls.__attrs_attrs__}
    else:
        return None
    slots = [
        name
        for base in cls.__mro__
        for name, member in vars(base).items()
        if isinstance(member, types.MemberDescriptorType) and name not in defaults
    ]
    required = frozenset(name for name, default in defaults.items() if default is None)
    build = functools.partial(_build, cls, defaults, slots)
    return Kind(functools.partial(_parts, [*defaults, *slots]), build, required=required)


#: Py_TPFLAGS_HEAPTYPE: made by a `class` statement.
HEAP_TYPE = 1 << 9
_ABSENT = object()
_Default = Callable[[], Any]
_Defaults = dict[str, _Default | None]


def _parts(names: list[str], value: object) -> dict[str, Any]:
    parts = {name: found for name in names if (found := getattr(value, name, _ABSENT)) is not _ABSENT}
    for name, extra in getattr(value, "__dict__", {}).items():
        # Set by __post_init__ or later. What is only cached is computed again where it is needed.
        if name not in parts and not isinstance(getattr(type(value), name, None), functools.cached_property):
            parts[name] = extra
    return parts


def _build(cls: Any, defaults: _Defaults, slots: list[str], parts: dict[str, Any]) -> object:
    value: object = object.__new__(cls)
    for name, default in defaults.items():
        if name in parts:
            object.__setattr__(value, name, parts[name])
        elif default is not None:  # a field that the class got after this was recorded
            made = default()
            if made is not _ABSENT:
                object.__setattr__(value, name, made)
        else:
            raise UnreadablePayload(f"A stored {cls.__qualname__} has no {name!r}, which has no default either.")
    for name, extra in parts.items():
        # Never over something that the class defines: a row must not replace a method.
        if name in slots or (name not in defaults and not hasattr(cls, name)):
            object.__setattr__(value, name, extra)
    return value


def _dataclass_default(field: "dataclasses.Field[Any]") -> _Default | None:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    default = field.default
    if default is dataclasses.MISSING:
        return None if field.init else lambda: _ABSENT
    return lambda: default


def _attrs_default(field: Any) -> _Default | None:
    default = field.default
    factory = getattr(default, "factory", None)
    if factory is not None:
        return None if default.takes_self else lambda: factory()
    if type(default).__name__ == "_Nothing":
        return None if field.init else lambda: _ABSENT
    return lambda: default


def _struct_parts(value: Any) -> dict[str, Any]:
    parts = {name: getattr(value, name, msgspec.UNSET) for name in type(value).__struct_fields__}
    parts = {name: part for name, part in parts.items() if part is not msgspec.UNSET}
    return parts | getattr(value, "__dict__", {})


def _build_struct(cls: Any, parts: dict[str, Any]) -> object:
    fields = cls.__struct_fields__
    value = cls(**{name: part for name, part in parts.items() if name in fields})
    for name, extra in parts.items():
        if name not in fields and not hasattr(cls, name):
            setattr(value, name, extra)
    return value


def _tuple_parts(value: Any) -> dict[str, Any]:
    return dict(zip(type(value)._fields, value, strict=True)) | getattr(value, "__dict__", {})


def _build_tuple(cls: Any, parts: dict[str, Any]) -> object:
    known = cls._field_defaults | parts
    value = tuple.__new__(cls, [known[name] for name in cls._fields])
    for name, extra in parts.items():
        if name not in cls._fields and not hasattr(cls, name):
            object.__setattr__(value, name, extra)
    return value
