"""Which connection a transaction's function wants: told by the annotation of its first parameter."""

import inspect
import typing
from collections.abc import Callable
from typing import Any

from stepwell.core.origin import Origin
from stepwell.errors import ConfigurationError
from stepwell.model.transactions import Kind, kind_of_class
from stepwell.serde.hints import hints_of

_KNOWN = ", ".join(kind.value for kind in Kind if kind is not Kind.DJANGO)


def connection_of(
    fn: Callable[..., Any], origin: Origin, source: Any, *, is_async: bool, is_method: bool
) -> tuple[Kind, type | None]:
    """The kind and class of the connection. Raises ConfigurationError, with the fix."""
    kinds = _kinds_of(source, origin)
    if kinds is not None and Kind.DJANGO in kinds:
        if is_async:
            raise ConfigurationError(
                f"{origin}: Django's transactions are synchronous: make it a `def`, and call its .aio in async "
                f"workflows"
            )
        return Kind.DJANGO, None
    kind, cls = _annotated(fn, origin, is_method)
    if kind is Kind.DJANGO:
        raise ConfigurationError(
            f"{origin}: with Django no connection is passed: leave the parameter out, give source=Django(alias)"
        )
    if kinds is not None and kind not in kinds:
        there = ", ".join(sorted(each.value for each in kinds))
        raise ConfigurationError(
            f"{origin}: its source has no {kind.value}: annotate its first parameter with one of {there}"
        )
    _check_colour(origin, kind, is_async)
    return kind, cls


def _kinds_of(source: Any, origin: Origin) -> frozenset[Kind] | None:
    if source is None:
        return None
    kinds = getattr(source, "kinds", None)
    if not isinstance(kinds, frozenset) or not callable(getattr(source, "open", None)):
        raise ConfigurationError(
            f"{origin}: source= takes Postgres(url), SQLAlchemy(engine), Django(alias) or SQLite(path), not {source!r}"
        )
    return kinds


def _annotated(fn: Callable[..., Any], origin: Origin, is_method: bool) -> tuple[Kind, type]:
    parameters = list(inspect.signature(fn).parameters.values())
    place = 1 if is_method else 0
    if len(parameters) <= place or parameters[place].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        raise ConfigurationError(f"{origin}: its {_ORDINAL[place]} parameter must be the connection: {_KNOWN}")
    parameter = parameters[place]
    if parameter.annotation is inspect.Parameter.empty:
        raise ConfigurationError(
            f"{origin}: annotate {parameter.name!r} with the class of the connection that it takes: {_KNOWN}"
        )
    found = hints_of(fn).get(parameter.name)
    if found is None:
        raise ConfigurationError(
            f"{origin}: the annotation {parameter.annotation!r} of {parameter.name!r} cannot be resolved at run "
            f"time: import "
            "its class where the module runs, not under `if TYPE_CHECKING:`"
        )
    if typing.get_origin(found) is typing.Annotated:
        found = typing.get_args(found)[0]
    cls = typing.get_origin(found) or found
    kind = kind_of_class(cls)
    if kind is None:
        raise ConfigurationError(
            f"{origin}: {parameter.name!r} must be the connection, which the caller leaves out, and is annotated with "
            f"{found!r}. Connections are {_KNOWN}"
        )
    return kind, cls


_ORDINAL = ("first", "second")


def _check_colour(origin: Origin, kind: Kind, is_async: bool) -> None:
    if is_async == kind.is_async:
        return
    if kind is Kind.SQLITE:
        raise ConfigurationError(
            f"{origin}: sqlite3 blocks, and holds the file's only write lock: a body that awaited meanwhile would keep "
            "everybody from writing, the engine too. Make it a `def`, and call its .aio in async workflows"
        )
    if is_async:
        raise ConfigurationError(
            f"{origin} is async, and a {kind.value} would block its event loop: annotate an awaitable connection, or "
            f"make it "
            "a `def` and call its .aio in async workflows"
        )
    raise ConfigurationError(
        f"{origin} is a `def`, and a {kind.value} is awaited: make it `async def`, or annotate a blocking connection"
    )
