"""What must not be done within a transaction that holds the write lock of the engine's own SQLite file.

The file has one such lock. What writes through the engine, or waits for somebody who does, would wait for the very
transaction that it is called in: it is refused before any effect. Whatever only reads sees what is committed.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from stepwell.core.context import open_transaction
from stepwell.errors import TransactionMisuse

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

P = ParamSpec("P")
T = TypeVar("T")


def refusal(runtime: "Runtime", what: str, instead: str = "Do it after it") -> TransactionMisuse | None:
    """Why this cannot be done here; None: it can. In the context of the caller, not on the core's loop."""
    around = open_transaction.get()
    if around is None or not around.holds_up(runtime):
        return None
    return TransactionMisuse(
        f"{what} within the transaction {around.name}, which holds the SQLite file's write lock: it would wait for "
        f"itself. {instead}"
    )


def refuse_while_file_is_locked(runtime: "Runtime", verb: str, instead: str = "Do it after it") -> None:
    """Raise TransactionMisuse where the write would wait for the transaction that it is called in."""
    refused = refusal(runtime, f"{verb} is called", instead)
    if refused is not None:
        raise refused


def writes(verb: str) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """A verb that writes, or waits for what others write: it raises TransactionMisuse when it is called in such a
    transaction. `verb`: what users call it. Its first argument is the runtime.

        @writes("queues.purge")
        async def purge(runtime: "Runtime", name: str | Queue) -> int: ...
    """

    def mark(call: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(call)
        def checked(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
            refuse_while_file_is_locked(cast("Runtime", args[0]), verb)
            return call(*args, **kwargs)

        return checked

    return mark
