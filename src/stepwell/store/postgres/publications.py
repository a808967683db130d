"""Events and streams: what an execution publishes under its fence, and what everybody may read."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.model.messaging import EventRow, EventWrite, Published, StreamEntry, StreamWrite
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import Result, rows

#: An older attempt of the same call may commit while this one is under way, and take its place: send again.
_TAKEN = "23505"
_ROUNDS = 10
#: Readers that one transaction wakes.
_WAKE_LIMIT = 1000


class Publications:
    """The publishing verbs of a store, and the readers' questions."""

    _lanes: Lanes

    async def published(
        self, events: Sequence[EventWrite], entries: Sequence[StreamWrite]
    ) -> tuple[list[Published], int]:
        """See `Store.publish`. Also how many readers that were parked it has woken."""
        if not events and not entries:
            return [], 0
        ordered = sorted(range(len(entries)), key=lambda index: entries[index].run_id.int)
        with refusing_bad_values():
            statements = self._publish_statements(events, [entries[index] for index in ordered])
            wake = self._wake_statement(events, entries)
            results = await self._write(statements, wake)
        fenced_in = {(run_id, epoch) for run_id, epoch in rows(results[0])}
        closed = {ordered[ordinal - 1] for (ordinal,) in rows(results[-2])} if entries else set()
        verdicts = [_verdict(row, fenced_in) for row in events]
        verdicts += [
            Published.CLOSED if index in closed else _verdict(row, fenced_in) for index, row in enumerate(entries)
        ]
        woken = woken_now = int(rows(results[-1])[0][0])
        while woken_now == _WAKE_LIMIT:
            (result,) = await self._lanes.starts.transact(wake)
            woken_now = int(rows(result)[0][0])
            woken += woken_now
        return verdicts, woken

    async def _write(self, statements: Sequence[Statement], wake: Statement) -> list[Result]:
        for _ in range(_ROUNDS):
            try:
                return await self._lanes.starts.transact(*statements, then=[wake])
            except StoreFault as fault:
                if fault.code != _TAKEN:
                    raise
        raise StoreFault(FaultKind.CONTENTION, "publications met older attempts of theirs again and again")

    async def events(self, wanted: Sequence[tuple[UUID, str]]) -> list[EventRow]:
        """See `Store.events`."""
        pairs = list(dict.fromkeys(wanted))
        if not pairs:
            return []
        with refusing_bad_values():
            (result,) = await self._lanes.misc.run(self._events_statement(pairs))
        return [EventRow(*row) for row in rows(result)]

    async def streams(self, wanted: Sequence[tuple[UUID, str, int]], limit: int) -> list[list[StreamEntry]]:
        """See `Store.streams`."""
        found: list[list[StreamEntry]] = [[] for _ in wanted]
        if not wanted or limit <= 0:
            return found
        with refusing_bad_values():
            (result,) = await self._lanes.misc.run(self._entries_statement(wanted, limit))
        for ordinal, *entry in rows(result):
            found[ordinal - 1].append(StreamEntry(*entry))
        return found

    def _publish_statements(self, events: Sequence[EventWrite], entries: Sequence[StreamWrite]) -> list[Statement]:
        """`entries` sorted by run. The fence first, what found its stream closed last."""
        sql = self._lanes.sql
        writers: list[EventWrite | StreamWrite] = [*events, *entries]
        executions = sorted({(row.run_id, row.epoch) for row in writers}, key=lambda one: one[0].int)
        statements = [
            binding.columns(
                sql("publications/fence"),
                params.uuids([run_id for run_id, _ in executions]),
                params.int4s([epoch for _, epoch in executions]),
            )
        ]
        if events:
            ordered = sorted(events, key=lambda row: row.run_id.int)
            statements.append(binding.event_writes(sql("publications/set_events"), ordered))
        if entries:
            statements.append(binding.stream_writes(sql("publications/append"), entries))
        return statements

    def _wake_statement(self, events: Sequence[EventWrite], entries: Sequence[StreamWrite]) -> Statement:
        writes: list[EventWrite | StreamWrite] = [*events, *entries]
        written = list({(row.run_id, row.key) for row in writes})
        return statement(
            self._lanes.sql("waits/wake_readers"),
            params.uuids([run_id for run_id, _ in written]),
            params.texts([key for _, key in written]),
            _WAKE_LIMIT,
        )

    def _events_statement(self, pairs: Sequence[tuple[UUID, str]]) -> Statement:
        return binding.columns(
            self._lanes.sql("publications/events"),
            params.uuids([run_id for run_id, _ in pairs]),
            params.texts([key for _, key in pairs]),
        )

    def _entries_statement(self, wanted: Sequence[tuple[UUID, str, int]], limit: int) -> Statement:
        return statement(
            self._lanes.sql("publications/entries"),
            params.uuids([run_id for run_id, _, _ in wanted]),
            params.texts([key for _, key, _ in wanted]),
            params.int4s([start for _, _, start in wanted]),
            limit,
        )


def _verdict(row: EventWrite | StreamWrite, fenced_in: set[tuple[UUID, int]]) -> Published:
    return Published.WRITTEN if (row.run_id, row.epoch) in fenced_in else Published.LOST
