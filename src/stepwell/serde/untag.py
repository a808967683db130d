"""JSON data with tags as values again: the way back from tags.py.

What a row says is not trusted: a tag chooses among the types listed here and among data classes of modules
that are already imported; nothing else is ever called.
"""

import enum
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Any

from stepwell.errors import UnreadablePayload
from stepwell.serde.leaves import READ_LEAF, TAG
from stepwell.serde.models import is_model, load_fields, load_model
from stepwell.serde.names import find_class
from stepwell.serde.objects import kind_of

_SCALARS = frozenset({type(None), bool, int, float, str})


class Untagger:
    """Turns JSON data into values. `unpickle` reads what `Tagger(pickler)` wrote, where that is allowed."""

    __slots__ = ("_unpickle",)

    def __init__(self, unpickle: Callable[[str], Any] | None = None) -> None:
        self._unpickle = unpickle

    def read(self, plain: Any) -> Any:
        """The value of JSON data.

        Raises:
            UnreadablePayload: a tag that is not known, a class that is not imported, data that does not fit.
        """
        try:
            return self._load(plain)
        except UnreadablePayload:
            raise
        except Exception as error:
            # Only its type: messages of parsers quote what they were given.
            told = type(error).__name__
            raise UnreadablePayload(f"A stored value does not fit its tag ({told}).") from None

    def _load(self, plain: Any) -> Any:
        cls = type(plain)
        if cls is dict:
            if TAG in plain:
                return self._tagged(plain)
            return {key: item if type(item) in _SCALARS else self._load(item) for key, item in plain.items()}
        if cls is list:
            return [item if type(item) in _SCALARS else self._load(item) for item in plain]
        return plain

    def _tagged(self, tag: dict[str, Any]) -> Any:
        name = tag[TAG]
        leaf = READ_LEAF.get(name)
        if leaf is not None:
            return leaf(tag)
        if name == "any":
            return self._load(tag["v"])
        container = _CONTAINERS.get(name)
        if container is not None:
            return container(self, tag)
        if name == "pickle":
            return self._pickled(tag["v"])
        if ":" in name:
            return self._object(name, tag)
        raise UnreadablePayload(f"The tag {name[:100]!r} is not known to this version of Stepwell.")

    def _pairs(self, pairs: list[Any]) -> list[Any]:
        return [(self._load(key), self._load(item)) for key, item in pairs]

    def _pickled(self, text: str) -> Any:
        if self._unpickle is None:
            raise UnreadablePayload(
                "The stored value is a pickle, and this engine does not read pickles: it was written by one "
                "with Serializer(pickle=True). Give the reader the same if everyone who can write to the "
                "database is trusted."
            )
        return self._unpickle(text)

    def _object(self, name: str, tag: dict[str, Any]) -> Any:
        module, _, qualname = name.partition(":")
        cls: Any = find_class(name)
        if cls is None:
            raise UnreadablePayload(
                f"The stored value is a {qualname[:100]} of the module {module[:100]}, which is not imported "
                f"here or has no such class any more: import it before this value is read."
            )
        data = tag["v"]
        if issubclass(cls, enum.Enum):
            return cls(data) if issubclass(cls, enum.Flag) and type(data) is int else cls.__members__[data]
        if is_model(cls):
            return load_model(cls, data) if "set" not in tag else load_fields(cls, self._fields(data), tag["set"])
        kind = kind_of(cls)
        if kind is None:
            raise UnreadablePayload(f"The stored value names {name[:200]}, which is not a data class.")
        return kind.build(self._fields(data))

    def _fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {name: self._load(item) for name, item in data.items()}


_CONTAINERS: dict[str, Callable[[Untagger, dict[str, Any]], Any]] = {
    "tuple": lambda reader, tag: tuple(map(reader._load, tag["v"])),
    "set": lambda reader, tag: set(map(reader._load, tag["v"])),
    "frozenset": lambda reader, tag: frozenset(map(reader._load, tag["v"])),
    "deque": lambda reader, tag: deque(map(reader._load, tag["v"]), tag["maxlen"]),
    "dict": lambda reader, tag: dict(reader._pairs(tag["v"])),
    "OrderedDict": lambda reader, tag: OrderedDict(reader._pairs(tag["v"])),
    "Counter": lambda reader, tag: Counter(dict(reader._pairs(tag["v"]))),
}
