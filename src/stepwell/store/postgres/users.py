"""The store's part in users' transactions: what is said there, and how one stands."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from stepwell.model.rows import Recorded
from stepwell.model.transactions import Standing
from stepwell.store.api import StoreIdentity
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.notifier import Notifier
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.transactions import Notices, PostgresDialect
from stepwell.store.postgres.wire import rows
from stepwell.store.sqlfile import load

T = TypeVar("T")


class Users:
    """Verbs of a store."""

    _lanes: Lanes
    _notifier: Notifier
    _dialect: PostgresDialect | None = None

    def dialect(self) -> PostgresDialect:
        """See `Store.dialect`."""
        if self._dialect is None:
            self._dialect = dialect_of(self._lanes.identity, self._notifier.in_transaction)
        return self._dialect

    async def standing(self, run_id: UUID, epoch: int, branch: str, seq: int) -> Standing:
        """See `Store.standing`."""
        (result,) = await self._lanes.misc.run(
            statement(self._lanes.sql("transactions/standing"), run_id, epoch, branch, seq)
        )
        return _standing(branch, seq, rows(result)[0])

    async def owns(self, run_id: UUID, epoch: int) -> bool:
        """See `Store.owns`."""
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("transactions/owns"), run_id, epoch))
        return bool(rows(result))

    async def touch(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """See `Store.touch`."""
        return await call()

    async def stand_back(self) -> None:
        """Nothing to do: other writers do not wait here."""

    def come_back(self) -> None:
        """See `stand_back`."""


def dialect_of(identity: StoreIdentity, notices: Notices | None = None) -> PostgresDialect:
    """The statements for one schema; `notices`: how others are told of what is done there."""
    sql = load(Path(__file__).parent, identity.schema)
    return PostgresDialect(sql, identity) if notices is None else PostgresDialect(sql, identity, notices)


def _standing(branch: str, seq: int, row: tuple[Any, ...]) -> Standing:
    owned, rewound, *outcome = row
    return Standing(None if outcome[0] is None else Recorded(branch, seq, *outcome), owned, rewound)
