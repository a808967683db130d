"""Cheap proofs that a value comes back from plain JSON, read by its annotation, as exactly what it is.

They exist for scalars, lists, tuples, dicts and simple data classes of such: most of what steps return. For
all other annotations there is no check: the coder reads back what it wrote and compares.
"""

from math import isfinite
from typing import Any

from msgspec import inspect as mi

from stepwell.serde.class_checks import Check, Checks, class_checks

_MAX_DEPTH = 200

_PLAIN = frozenset({str, int, bool, type(None)})
_TEXT = frozenset({str})


def any_value(value: Any) -> bool:
    """The atom: its exact type is the proof."""
    return True


def checks_for(info: mi.Type) -> Checks | None:
    """Exact type -> check, for values under an annotation; None if only reading back can tell."""
    return _checks(info, ())


def _checks(info: mi.Type, around: tuple[int, ...]) -> Checks | None:
    if id(info) in around:
        return None  # a type that contains itself
    around = (*around, id(info))
    if isinstance(info, mi.AnyType) or (isinstance(info, mi.CustomType) and info.cls is object):
        return ANYTHING
    if isinstance(info, mi.UnionType):
        merged: dict[type, Check] = {}
        for member in info.types:
            found = _checks(member, around)
            if found is None:
                return None
            merged |= found
        return merged
    if type(info) in _ATOMS:
        constrained = any(getattr(info, name) is not None for name in info.__struct_fields__)
        return None if constrained else _ATOMS[type(info)]
    if isinstance(info, mi.ListType | mi.VarTupleType):
        cls = list if isinstance(info, mi.ListType) else tuple
        items = _checks(info.item_type, around)
        return None if items is None or _sized(info) else {cls: _items_check(items)}
    if isinstance(info, mi.DictType) and isinstance(info.key_type, mi.StrType | mi.AnyType):
        values = _checks(info.value_type, around)
        keys = info.key_type
        constrained = isinstance(keys, mi.StrType) and (_sized(keys) or keys.pattern is not None)
        return None if values is None or constrained or _sized(info) else {dict: _dict_check(values)}
    return class_checks(info, lambda inner: _checks(inner, around))


def is_plain(value: Any) -> bool:
    """Whether JSON gives back exactly this (keys that look like tags and lone surrogates aside)."""
    return _is_plain(value, 0)


def _is_plain(value: Any, depth: int) -> bool:
    cls = type(value)
    if cls is dict:
        if not _TEXT.issuperset(map(type, value)):
            return False
        items = value.values()
    elif cls is list:
        items = value
    else:
        return cls in _PLAIN or (cls is float and isfinite(value))
    if _PLAIN.issuperset(map(type, items)):
        return True
    if depth > _MAX_DEPTH:
        raise RecursionError  # tags.py refuses it, and says why
    return all(type(item) in _PLAIN or _is_plain(item, depth + 1) for item in items)


def _sized(info: Any) -> bool:
    return info.min_length is not None or info.max_length is not None


def _items_check(checks: Checks) -> Check:
    if checks is ANYTHING:
        return lambda value: all(map(is_plain, value))
    atoms = frozenset(cls for cls, check in checks.items() if check is any_value)

    def check_items(value: Any) -> bool:
        if atoms.issuperset(map(type, value)):
            return True
        for item in value:
            check = checks.get(type(item))
            if check is None or not check(item):
                return False
        return True

    return check_items


def _dict_check(checks: Checks) -> Check:
    if checks is ANYTHING:
        return is_plain
    check_values = _items_check(checks)
    return lambda value: _TEXT.issuperset(map(type, value)) and check_values(value.values())


ANYTHING: Checks = {
    str: any_value,
    int: any_value,
    bool: any_value,
    type(None): any_value,
    float: isfinite,
    list: is_plain,
    dict: is_plain,
}

_ATOMS: dict[type[mi.Type], Checks] = {
    mi.NoneType: {type(None): any_value},
    mi.BoolType: {bool: any_value},
    mi.IntType: {int: any_value},
    mi.FloatType: {float: isfinite},
    mi.StrType: {str: any_value},
}
