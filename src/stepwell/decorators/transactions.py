"""Transactions as users hold them: steps whose writes and whose outcome commit together."""

from collections.abc import Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypedDict, TypeVar, Unpack, overload

from stepwell.core import call_transactions
from stepwell.core.definition import TransactionDefinition
from stepwell.decorators.functions import _ByReference, _FirstArgumentIsInstance
from stepwell.decorators.view import View, awaited, receiver_for
from stepwell.model.options import StepOptions
from stepwell.model.retry import Retry

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class TransactionKeywords(TypedDict, total=False):
    """The keywords of `transaction.options(...)`."""

    name: str
    retry: int | Retry


class _TransactionView(View[TransactionDefinition, StepOptions], Generic[P, R]):
    """What both colours share."""

    __slots__ = ()

    @property
    def aio(self) -> "AsyncTransaction[P, R]":
        """The same transaction, always awaited; a `def` body runs on a worker thread.

        done = await reserve.aio("anvil")
        """
        return AsyncTransaction(self._definition, self._options, self._receiver(), self._face(is_async=True))

    @property
    def sync(self) -> "Transaction[P, R]":
        """The same transaction, always blocking; an `async def` body runs on the engine's loop.

        done = reserve.sync("anvil")
        """
        return Transaction(self._definition, self._options, self._receiver(), self._face(is_async=False))

    def _merged(self, new: TransactionKeywords) -> StepOptions:
        self._receiver()
        return self._options.merged(**new)


class Transaction(_TransactionView[P, R]):
    """A transaction that is called plainly: what `@transaction` makes of a `def` function.

        @transaction
        def reserve(conn: psycopg.Connection, sku: str) -> bool: ...

        done = reserve("anvil")                  # the caller leaves the connection out

    In a workflow its writes and its outcome commit together, once. Raises what the function raises, rolled back.
    Within a step, and outside any workflow, it opens a transaction and commits it, and nothing is recorded.
    """

    __slots__ = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the recorded outcome, or run the body and commit it with its outcome."""
        result: R = call_transactions.call_transaction(self._definition, self._options, self._instance, args, kwargs)
        return result

    def options(self, **options: Unpack[TransactionKeywords]) -> "Transaction[P, R]":
        """The same transaction with another `name`, or `retry` after contention.

            reserve.options(retry=50)("anvil")

        Raises InvalidArgument at once.
        """
        return Transaction(self._definition, self._merged(options), self._instance, self.__dict__)


@awaited
class AsyncTransaction(_TransactionView[P, R]):
    """A transaction that is awaited: what `@transaction` makes of an `async def` function.

        @transaction
        async def reserve(conn: asyncpg.Connection, sku: str) -> bool: ...

        done = await reserve("anvil")

    Numbered when it is called, not when it is awaited.
    """

    __slots__ = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[object, None, R]:
        """Await the recorded outcome, or the body and its commit."""
        return call_transactions.call_transaction_async(self._definition, self._options, self._instance, args, kwargs)

    def options(self, **options: Unpack[TransactionKeywords]) -> "AsyncTransaction[P, R]":
        """The same transaction with another `name`, or `retry` after contention.

            await reserve.options(retry=50)("anvil")

        Raises InvalidArgument at once.
        """
        return AsyncTransaction(self._definition, self._merged(options), self._instance, self.__dict__)


class _TransactionFunction(_ByReference, Transaction[P, R]):
    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: type) -> "_TransactionFunction[P, R]": ...
    @overload
    def __get__(
        self: "_TransactionFunction[Concatenate[S, Q], R]", instance: S, owner: type | None = None
    ) -> Transaction[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Transaction[P, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._bound(instance)

    def _bound(self, instance: object) -> Transaction[..., R]:
        receiver = receiver_for(self._definition, instance)
        return Transaction(self._definition, self._options, receiver, self.__dict__)


class _AsyncTransactionFunction(_ByReference, AsyncTransaction[P, R]):
    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: type) -> "_AsyncTransactionFunction[P, R]": ...
    @overload
    def __get__(
        self: "_AsyncTransactionFunction[Concatenate[S, Q], R]", instance: S, owner: type | None = None
    ) -> AsyncTransaction[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> AsyncTransaction[P, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._bound(instance)

    def _bound(self, instance: object) -> AsyncTransaction[..., R]:
        receiver = receiver_for(self._definition, instance)
        return AsyncTransaction(self._definition, self._options, receiver, self.__dict__)


class _TransactionMethod(_FirstArgumentIsInstance, _TransactionFunction[..., Any]):
    __slots__ = ()


class _AsyncTransactionMethod(_FirstArgumentIsInstance, _AsyncTransactionFunction[..., Any]):
    __slots__ = ()


#: By (is_async, is_method).
_TRANSACTIONS: dict[tuple[bool, bool], Any] = {
    (False, False): _TransactionFunction,
    (False, True): _TransactionMethod,
    (True, False): _AsyncTransactionFunction,
    (True, True): _AsyncTransactionMethod,
}


def transaction_class(definition: TransactionDefinition) -> Any:
    """The class of what stands in the function's place."""
    return _TRANSACTIONS[definition.is_async, definition.is_method]
