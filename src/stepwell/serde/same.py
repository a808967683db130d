"""Whether two values are the same to the code that gets them: equal, and of the same types all the way down.

`==` is not enough to promise that a replay sees what the live run saw: 1 == 1.0 == True, Decimal("1.0") ==
Decimal("1.00"), two instants in different zones are equal, and a class may define `__eq__` as it likes.
"""

import datetime
import enum
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from decimal import Decimal
from itertools import starmap
from typing import Any

from stepwell.serde.leaves import zone_of
from stepwell.serde.objects import parts_of

_ATOMS = frozenset({type(None), bool, int, str, bytes, bytearray, datetime.date, datetime.timedelta})


def same(a: Any, b: Any) -> bool:
    """Equal and of the same types, recursively; dicts also in the same order, floats also NaN and -0.0."""
    cls = type(a)
    if cls is not type(b):
        return False
    if cls in _ATOMS:
        return bool(a == b)
    compare = _COMPARE.get(cls)
    if compare is not None:
        return compare(a, b)
    if isinstance(a, enum.Enum):
        return a is b or (isinstance(a, enum.Flag) and bool(a == b))
    left, right = parts_of(a), parts_of(b)
    if left is None or right is None:
        return bool(a == b)
    return _dicts(left, right)


def _sequences(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(starmap(same, zip(a, b, strict=True)))


def _dicts(a: dict[Any, Any], b: dict[Any, Any]) -> bool:
    return len(a) == len(b) and _sequences(a.keys(), b.keys()) and _sequences(a.values(), b.values())


def _sets(a: Any, b: Any) -> bool:
    theirs = {item: item for item in b}
    return len(a) == len(b) and all(item in theirs and same(item, theirs[item]) for item in a)


def _floats(a: float, b: float) -> bool:
    return (a == b and math.copysign(1.0, a) == math.copysign(1.0, b)) or (a != a and b != b)


def _moments(a: Any, b: Any) -> bool:
    """datetime and time: the same reading of the clock in the same zone."""
    if a.fold != b.fold or a.replace(tzinfo=None) != b.replace(tzinfo=None):
        return False
    ours, theirs = a.tzinfo, b.tzinfo
    return ours is theirs or (None not in (ours, theirs) and bool(zone_of(ours) == zone_of(theirs)))


_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    float: _floats,
    complex: lambda a, b: _floats(a.real, b.real) and _floats(a.imag, b.imag),
    Decimal: lambda a, b: str(a) == str(b),
    datetime.datetime: _moments,
    datetime.time: _moments,
    list: _sequences,
    tuple: _sequences,
    deque: lambda a, b: a.maxlen == b.maxlen and _sequences(a, b),
    dict: _dicts,
    OrderedDict: _dicts,
    Counter: _dicts,
    set: _sets,
    frozenset: _sets,
}
