"""pydantic models, when the application uses pydantic: it is never imported from here.

A model is written as pydantic writes it and read through its validation. The set of fields that were given
(`model_fields_set`, on which `exclude_unset` depends) is kept too, under SET, where it is not all of them.
"""

import sys
from typing import Any

import msgspec

#: Beside a model's fields: the names of those that were set, if not all.
SET = "$set"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def is_model(cls: type) -> bool:
    """Whether `cls` is a pydantic model (version 2 or later)."""
    pydantic = sys.modules.get("pydantic.main")
    base = getattr(pydantic, "BaseModel", None)
    return isinstance(base, type) and issubclass(cls, base) and hasattr(cls, "model_validate_json")


def model_parts(model: Any) -> dict[str, Any]:
    """The whole state of a model, for comparison."""
    return {
        "fields": _fields(model),
        "set": set(model.model_fields_set),
        "extra": dict(model.__pydantic_extra__ or {}),
        "private": dict(model.__pydantic_private__ or {}),
    }


def dump_model(model: Any) -> Any:
    """A model as JSON data. May lose what its annotations do not carry: compare what `load_model` returns."""
    text = model.model_dump_json(by_alias=True, round_trip=True, warnings=False)
    dumped = _decode(text)
    if type(dumped) is not dict:
        return dumped  # a root model
    if SET in dumped:
        raise TypeError(f"{type(model).__qualname__} has a field {SET!r} of its own")
    given = model.model_fields_set
    if len(given) < len(_fields(model)) + len(model.__pydantic_extra__ or ()):
        dumped[SET] = sorted(given)
    return dumped


def load_model(cls: Any, data: Any) -> Any:
    """A model of JSON data, by its own validation."""
    given = None
    if type(data) is dict and SET in data:
        data = dict(data)
        given = data.pop(SET)
    model = cls.model_validate_json(_encode(data))
    return model if given is None else _mark(model, given)


def dump_fields(model: Any) -> dict[str, Any]:
    """A model as Python values under the names that its validation accepts."""
    fields = type(model).model_fields
    names = {name: field.validation_alias or field.alias or name for name, field in fields.items()}
    known = {str(names[name]): value for name, value in _fields(model).items()}
    known |= model.__pydantic_extra__ or {}
    return known


def load_fields(cls: Any, data: dict[str, Any], given: list[str]) -> Any:
    """A model of Python values, by its own validation, with the fields that were set."""
    return _mark(cls.model_validate(data), given)


def _fields(model: Any) -> dict[str, Any]:
    # Not vars(model): a cached property lies there too, and is computed again where it is needed.
    space = vars(model)
    return {name: space[name] for name in type(model).model_fields if name in space}


def _mark(model: Any, given: list[str]) -> Any:
    known = set(type(model).model_fields) | set(model.__pydantic_extra__ or ())
    object.__setattr__(model, "__pydantic_fields_set__", known.intersection(given))
    return model
