"""Users' transactions in this database."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from uuid import UUID

from stepwell.model.transactions import Standing
from stepwell.store.transactions import Dialect

T = TypeVar("T")


class TransactionVerbs(Protocol):
    """See `store.api.Store`."""

    def dialect(self) -> Dialect:
        """What is said on a user's connection to this database."""
        ...

    async def standing(self, run_id: UUID, epoch: int, branch: str, seq: int) -> Standing:
        """How an operation and its run stand now."""
        ...

    async def owns(self, run_id: UUID, epoch: int) -> bool:
        """Whether this execution still owns the run: all that a commit in another database needs to know."""
        ...

    async def touch(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Do something on a user's connection: nothing but the call. A verb, so that a simulation can stand before
        it."""
        ...

    async def stand_back(self) -> None:
        """Begin no write until `come_back`: a user's transaction in the same file would wait for ours, or ours for
        it."""
        ...

    def come_back(self) -> None: ...
