"""Outcome rows in other databases: removed once their runs have ended, since every checkpoint is then here."""

from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.core.sources import Place
from stepwell.core.transaction_hands import drive
from stepwell.model.transactions import DEFAULT_ISOLATION, Mode

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Runs that are looked at together.
_PAGE = 500


async def clear_outcomes(runtime: "Runtime", place: Place) -> None:
    """One round through the table of one database. Rows of runs that are not in this engine's database are left
    alone."""
    after: UUID | None = None
    while place.used is not None:
        kept = await _on_connection(runtime, place, after, None)
        if not kept:
            return
        after = kept[-1]
        ended = [outcome.run_id for outcome in await runtime.patient(runtime.store.outcomes, kept)]
        if ended:
            await _on_connection(runtime, place, None, ended)
        if len(kept) < _PAGE:
            return


async def _on_connection(runtime: "Runtime", place: Place, after: UUID | None, ended: list[UUID] | None) -> list[UUID]:
    """Read a page, or remove; on a thread where the connection blocks."""

    async def work() -> list[UUID]:
        assert place.used is not None
        kind, cls = place.used
        dialect = place.lending.dialect
        mode = Mode(DEFAULT_ISOLATION, False, runtime.settings.lease * 2 / 3, runtime.env.uuid4().hex)
        hold = await place.lending.hold(kind, cls)
        usable = False
        try:
            await hold.begin(dialect, mode)
            found = await dialect.kept(hold, after, _PAGE) if ended is None else []
            if ended is not None:
                await dialect.clear(hold, ended)
            await dialect.is_marked(hold, mode)
            await hold.commit()
            usable = True
            return found
        finally:
            await hold.end(usable)

    if place.used is not None and place.used[0].is_async:
        return await work()
    made: list[UUID] = await runtime.pool.run_async(lambda: drive(work()), (), {})
    return made
