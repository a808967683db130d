"""The cheap proof for instances of simple data classes: dataclasses and Structs without code of their own."""

import types
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import inspect as mi

Check = Callable[[Any], bool]
Checks = Mapping[type, Check]


def class_checks(info: mi.Type, checks_of: Callable[[mi.Type], Checks | None]) -> Checks | None:
    """A check for exactly this class whose every field comes back by its own annotation, or None."""
    if not isinstance(info, mi.DataclassType | mi.StructType) or not _is_simple(info):
        return None
    fields: list[tuple[str, Checks]] = []
    for field in info.fields:
        checks = checks_of(field.type)
        if checks is None:
            return None
        fields.append((field.name, checks))
    return {info.cls: _fields_check(fields, has_dict=_keeps_dict(info.cls))}


def _is_simple(info: mi.DataclassType | mi.StructType) -> bool:
    cls: Any = info.cls
    if not isinstance(cls, type) or hasattr(cls, "__post_init__") or hasattr(cls, "__attrs_attrs__"):
        return False
    names = {field.name for field in info.fields}
    if isinstance(info, mi.StructType):
        return not _keeps_dict(cls) and not cls.__struct_config__.omit_defaults  # type: ignore[attr-defined]
    if "__dataclass_params__" not in vars(cls):
        return False  # a subclass with a mind of its own
    all_fields = vars(cls)["__dataclass_fields__"]
    return (
        names == set(all_fields)  # no ClassVar, no InitVar
        and all(field.init for field in all_fields.values())
        and not any(_is_computed(cls, name) for name in names)
        and (vars(cls)["__dataclass_params__"].frozen or "__setattr__" not in _own_names(cls))
    )


def _own_names(cls: type) -> set[str]:
    return {name for base in cls.__mro__[:-1] for name in vars(base)}


def _is_computed(cls: type, name: str) -> bool:
    member = getattr(cls, name, None)
    return hasattr(type(member), "__set__") and not isinstance(member, types.MemberDescriptorType)


def _keeps_dict(cls: type) -> bool:
    return cls.__dictoffset__ != 0


def _fields_check(fields: list[tuple[str, Checks]], has_dict: bool) -> Check:
    count = len(fields)

    def check_fields(value: Any) -> bool:
        if has_dict and len(value.__dict__) != count:
            return False  # something is there besides the fields
        for name, checks in fields:
            item = getattr(value, name)
            check = checks.get(type(item))
            if check is None or not check(item):
                return False
        return True

    return check_fields
