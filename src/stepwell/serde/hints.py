"""The annotations of a function as types, as far as they can be resolved."""

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any


def hints_of(fn: Callable[..., Any]) -> dict[str, Any]:
    """Annotations by parameter name, and "return"; what cannot be resolved here is left out.

    One name that exists for type checkers only must not cost all others their types.
    """
    inner: Any = inspect.unwrap(fn)
    while isinstance(inner, functools.partial):
        inner = inner.func
    if isinstance(inner, type):
        return {}
    if not inspect.isroutine(inner):  # an object that can be called
        inner = getattr(type(inner), "__call__", None)  # noqa: B004
    try:
        annotations = getattr(inner, "__annotations__", None)
    except Exception:  # evaluated only now, from Python 3.14 on
        return {}
    if not annotations:
        return {}
    try:
        return typing.get_type_hints(inner, include_extras=True)
    except Exception:
        names = getattr(inner, "__globals__", {})
        resolved = {name: _resolve(raw, names) for name, raw in annotations.items()}
        return {name: found for name, found in resolved.items() if found is not None}


def _resolve(raw: Any, names: dict[str, Any]) -> Any:
    def holder() -> None: ...

    holder.__annotations__ = {"it": raw}
    try:
        return typing.get_type_hints(holder, names, include_extras=True)["it"]
    except Exception:
        return None
