"""Values as JSON data that needs no annotation to be read: a tag only where plain JSON would lose the type.

    "a", 1, 1.5, None, [..], {..}          as they are
    datetime(2024, 1, 2)                   {"$t": "datetime", "v": "2024-01-02T00:00:00"}
    (1, 2)                                 {"$t": "tuple", "v": [1, 2]}
    {1: "a"}                               {"$t": "dict", "v": [[1, "a"]]}   also for a key "$t"
    Order(id=1)                            {"$t": "shop:Order", "v": {"id": 1}}

Types are taken exactly: a subclass that is not of a known kind (see objects.py) is refused rather than
silently turned into its base. `untag.py` is the way back.
"""

import datetime
import enum
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any

from stepwell.serde.leaves import LEAVES, TAG, Unencodable, is_text, tagged
from stepwell.serde.models import dump_fields, dump_model, is_model, load_fields, load_model
from stepwell.serde.names import can_be_found, name_of
from stepwell.serde.objects import kind_of
from stepwell.serde.same import same
from stepwell.serde.text import encode_raw

#: Containers deeper than this are refused: what is written must be readable from any depth of stack.
MAX_DEPTH = 200


class Tagger:
    """Turns values into JSON data. `pickler` makes text of what is of no known kind, if that is allowed."""

    __slots__ = ("_pickler",)

    def __init__(self, pickler: Callable[[Any], str] | None = None) -> None:
        self._pickler = pickler

    def dump(self, value: Any, depth: int = 0) -> Any:
        """JSON data for `value`.

        Raises:
            Unencodable: with the path to what cannot be carried.
        """
        cls = type(value)
        leaf = LEAVES.get(cls)
        if leaf is not None:
            return leaf(value)
        if depth > MAX_DEPTH:
            raise Unencodable(f"it is nested more than {MAX_DEPTH} deep, or contains itself")
        if cls is dict:
            return self._dict(value, depth)
        if cls is list:
            return self._items(value, depth)
        walk = _CONTAINERS.get(cls)
        if walk is not None:
            return walk(self, value, depth)
        try:
            return self._object(value, cls, depth)
        except Unencodable:
            raise
        except Exception as error:  # properties, metaclasses and validators can do anything
            raise Unencodable(f"looking into it raised {type(error).__name__}") from error

    def _items(self, items: Iterable[Any], depth: int) -> list[Any]:
        out: list[Any] = []
        try:
            for item in items:
                out.append(self.dump(item, depth + 1))
        except Unencodable as bad:
            bad.path = f"[{len(out)}]{bad.path}"
            raise
        return out

    def _dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        if TAG in value or not all(type(key) is str and is_text(key) for key in value):
            return tagged("dict", self._pairs(value, depth))
        return self._named(value, depth)

    def _named(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        key = ""
        try:
            for key, item in value.items():
                out[key] = self.dump(item, depth + 1)
        except Unencodable as bad:
            bad.path = _key_path(key) + bad.path
            raise
        return out

    def _pairs(self, value: dict[Any, Any], depth: int) -> list[Any]:
        pairs: list[Any] = []
        for key, item in value.items():
            try:
                pairs.append([self.dump(key, depth + 1), self.dump(item, depth + 1)])
            except Unencodable as bad:
                bad.path = (_key_path(key) if type(key) is str else f"[{type(key).__qualname__}]") + bad.path
                raise
        return pairs

    def _set(self, value: Iterable[Any], depth: int) -> list[Any]:
        # In an order of its own: the same set must give the same text in every process.
        return sorted(self._items(value, depth), key=encode_raw)

    def _object(self, value: Any, cls: type, depth: int) -> Any:
        if isinstance(value, enum.Enum):
            return self._enum(value, cls)
        if isinstance(value, datetime.tzinfo):
            raise Unencodable(f"{_called(cls)} cannot be told by its name")
        if is_model(cls):
            return self._model(value, cls, depth)
        kind = kind_of(cls)
        if kind is None or not can_be_found(cls):
            return self._unknown(value, cls, kind is not None)
        parts = kind.parts(value)
        is_whole = kind.required <= parts.keys() and all(map(is_text, parts))
        if not is_whole or (kind.runs_code and not _survives(value, kind.build, dict(parts))):
            return self._unknown(value, cls)
        return tagged(name_of(cls), self._named(parts, depth))

    def _enum(self, value: enum.Enum, cls: type) -> Any:
        # By name; flags by value, since a combination has no name of its own.
        known = value.value if isinstance(value, enum.Flag) else value.name
        if not can_be_found(cls) or type(known) not in (int, str):
            return self._unknown(value, cls, can_be_found(cls) is False)
        return tagged(name_of(cls), known)

    def _model(self, value: Any, cls: type, depth: int) -> Any:
        if not can_be_found(cls):
            return self._unknown(value, cls, True)
        if _survives(value, lambda model: load_model(cls, dump_model(model)), value):
            return tagged(name_of(cls), dump_model(value))
        # A field holds what pydantic's JSON does not carry: its Python values, each with its tag.
        fields = dump_fields(value)
        given = sorted(value.model_fields_set)
        if _survives(value, lambda fields: load_fields(cls, fields, given), fields):
            return tagged(name_of(cls), self._named(fields, depth)) | {"set": given}
        return self._unknown(value, cls)

    def _unknown(self, value: Any, cls: type, is_local: bool = False) -> Any:
        if self._pickler is not None and not isinstance(value, BaseException):
            return tagged("pickle", self._pickler(value))
        raise Unencodable(_refusal(cls, is_local))


def _survives(value: Any, rebuild: Callable[[Any], Any], data: Any) -> bool:
    """Whether the class's own code lets a value come back as it was: validators may do as they like."""
    try:
        return same(rebuild(data), value)
    except Exception:
        return False


def _refusal(cls: type, is_local: bool) -> str:
    called = _called(cls)
    if is_local:
        return f"{called} is not to be found in its module by any reader: define it at module level"
    for base in _PLAIN_BASES:
        if issubclass(cls, base):
            plain = base.__name__
            return f"{called} is a kind of {plain} that would not come back as itself: pass {plain}(...)"
    if issubclass(cls, (datetime.date, datetime.time, datetime.timedelta)):
        return f"{called} would not come back as itself: pass the plain type of the datetime module"
    return f"{called} cannot be carried by JSON: return plain data, a dataclass or a pydantic model instead"


def _called(cls: type) -> str:
    return name_of(cls).removeprefix("builtins:").replace(":", ".")


def _key_path(key: str) -> str:
    return f".{key}" if key.isidentifier() and len(key) <= 60 else f"[{key[:60]!a}]"


_PLAIN_BASES = (str, bytes, bool, int, float, tuple, dict, list, set, frozenset)

_Walk = Callable[[Tagger, Any, int], Any]
_CONTAINERS: dict[type, _Walk] = {
    tuple: lambda tagger, value, depth: tagged("tuple", tagger._items(value, depth)),
    set: lambda tagger, value, depth: tagged("set", tagger._set(value, depth)),
    frozenset: lambda tagger, value, depth: tagged("frozenset", tagger._set(value, depth)),
    deque: lambda tagger, value, depth: tagged("deque", tagger._items(value, depth)) | {"maxlen": value.maxlen},
    OrderedDict: lambda tagger, value, depth: tagged("OrderedDict", tagger._pairs(value, depth)),
    Counter: lambda tagger, value, depth: tagged("Counter", tagger._pairs(value, depth)),
}
