"""`@transaction`, bare or with options.

The connection is the first parameter, and the caller leaves it out: the overloads take it off the signature. Its type
is bound
to small protocols, so that a function without one is refused where it is written, and no driver is imported for it.
"""

from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, cast, overload

from stepwell.core.define import CONTENTION_RETRY, define_transaction
from stepwell.decorators.declare import _OnlyAny
from stepwell.decorators.transactions import _AsyncTransactionFunction, _TransactionFunction, transaction_class
from stepwell.model.retry import Retry
from stepwell.sources.declared import Database, Django

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
IsolationLevel = Literal["read committed", "repeatable read", "serializable"]


class HasCommit(Protocol):
    """A connection of psycopg, SQLAlchemy or sqlite3, or a session."""

    def commit(self) -> Any: ...


class HasTransaction(Protocol):
    """A connection of asyncpg."""

    @property
    def transaction(self) -> Any: ...


C = TypeVar("C", bound=HasCommit | HasTransaction)


class TransactionDecorator(Protocol):
    """What `@transaction(...)` with options is."""

    @overload
    def __call__(self, fn: Callable[Concatenate[C, P], _OnlyAny], /) -> _TransactionFunction[P, Any]: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, fn: Callable[Concatenate[C, P], Coroutine[Any, Any, R]], /
    ) -> _AsyncTransactionFunction[P, R]: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, fn: Callable[Concatenate[C, P], R], /
    ) -> _TransactionFunction[P, R]: ...
    @overload
    def __call__(
        self, fn: Callable[Concatenate[S, C, P], _OnlyAny], /
    ) -> _TransactionFunction[Concatenate[S, P], Any]: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, fn: Callable[Concatenate[S, C, P], Coroutine[Any, Any, R]], /
    ) -> _AsyncTransactionFunction[Concatenate[S, P], R]: ...
    @overload
    def __call__(self, fn: Callable[Concatenate[S, C, P], R], /) -> _TransactionFunction[Concatenate[S, P], R]: ...


class DjangoDecorator(Protocol):
    """What `@transaction(source=Django(...))` is: no connection is passed."""

    @overload
    def __call__(self, fn: Callable[P, _OnlyAny], /) -> _TransactionFunction[P, Any]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> _TransactionFunction[P, R]: ...


@overload
def transaction(fn: Callable[Concatenate[C, P], _OnlyAny], /) -> _TransactionFunction[P, Any]: ...
@overload
def transaction(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
    fn: Callable[Concatenate[C, P], Coroutine[Any, Any, R]], /
) -> _AsyncTransactionFunction[P, R]: ...
@overload
def transaction(  # type: ignore[overload-overlap]
    fn: Callable[Concatenate[C, P], R], /
) -> _TransactionFunction[P, R]: ...
@overload
def transaction(fn: Callable[Concatenate[S, C, P], _OnlyAny], /) -> _TransactionFunction[Concatenate[S, P], Any]: ...
@overload
def transaction(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
    fn: Callable[Concatenate[S, C, P], Coroutine[Any, Any, R]], /
) -> _AsyncTransactionFunction[Concatenate[S, P], R]: ...
@overload
def transaction(fn: Callable[Concatenate[S, C, P], R], /) -> _TransactionFunction[Concatenate[S, P], R]: ...
@overload
def transaction(  # type: ignore[overload-overlap]
    *,
    name: str | None = None,
    source: Django,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
    retry: int | Retry = CONTENTION_RETRY,
) -> DjangoDecorator: ...
@overload
def transaction(
    *,
    name: str | None = None,
    source: Database | None = None,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
    retry: int | Retry = CONTENTION_RETRY,
) -> TransactionDecorator: ...
def transaction(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    source: Database | None = None,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
    retry: int | Retry = CONTENTION_RETRY,
) -> Any:
    """Make a function's writes and its outcome commit together: in a workflow they happen exactly once.

        @transaction
        def reserve(conn: psycopg.Connection, sku: str) -> bool: ...

        @transaction(isolation="serializable", source=Postgres("postgresql://localhost/billing"))
        async def bill(conn: asyncpg.Connection, order_id: str) -> int: ...

    The connection is the first parameter (the second of a method), chosen by its annotation, and the caller leaves it
    out; with `source=Django(alias)` there is none. `source` is where it runs, the engine's own database unless given.
    `isolation` is READ COMMITTED unless given, whatever the database's default. `read_only` refuses writes. After a
    serialization failure or deadlock the body runs again as `retry` says; every other exception rolls back, and is the
    recorded outcome.

    `name` is recorded with the outcome, the function's own unless given. Raises, at import: ConfigurationError for
    what cannot be a transaction or names no connection, InvalidArgument.
    """

    def declare(function: Callable[..., Any]) -> Any:
        definition = define_transaction(
            function, name=name, source=source, isolation=isolation, read_only=read_only, retry=retry
        )
        made = transaction_class(definition)(definition, definition.default_options, None, {})
        return update_wrapper(made, definition.fn)

    return cast("TransactionDecorator", declare) if fn is None else declare(fn)
