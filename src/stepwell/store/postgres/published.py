"""Published events, their subscriptions, and who is parked on one."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.model.published import Announced, EventWait, NewPublished, PublishedRow, Subscription
from stepwell.model.rows import NewRun
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.link import Transaction
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows


class PublishedEvents:
    """The verbs of published events."""

    _lanes: Lanes

    # -- subscriptions -----------------------------------------------------------------------------------------
    async def subscribe(self, declared: Sequence[Subscription], workflows: Sequence[str]) -> None:
        """See `Store.subscribe`."""
        own = self._lanes.identity.namespace.encode(), self._lanes.identity.app.encode()
        ordered = sorted(declared, key=lambda each: (each.event, each.workflow, each.mode))
        events = params.texts([each.event for each in ordered])
        names = params.texts([each.workflow for each in ordered])
        modes = params.texts([each.mode for each in ordered])
        stale = binding.columns(
            self._lanes.sql("subscriptions/remove_stale"), *own, params.texts(workflows), events, names, modes
        )
        put = binding.columns(
            self._lanes.sql("subscriptions/put"),
            *own,
            events,
            modes,
            names,
            params.texts([each.route for each in ordered]),
            params.optional_texts([each.filter for each in ordered]),
            params.texts([each.parameters for each in ordered]),
            params.optional_texts([each.version for each in ordered]),
            params.optional_texts([each.queue for each in ordered]),
            params.optional_float8s([each.timeout for each in ordered]),
            params.int4s([each.max_recoveries for each in ordered]),
        )
        await self._lanes.misc.transact(stale, put)

    async def subscriptions(self, event: str | None) -> list[Subscription]:
        """See `Store.subscriptions`."""
        query = statement(self._lanes.sql("subscriptions/list"), self._lanes.identity.namespace, event)
        (result,) = await self._lanes.misc.run(query)
        return [Subscription(*row) for row in rows(result)]

    async def unsubscribe(self, event: str, workflow: str) -> int:
        """See `Store.unsubscribe`."""
        query = statement(self._lanes.sql("subscriptions/remove"), self._lanes.identity.namespace, event, workflow)
        (result,) = await self._lanes.misc.transact(query)
        return int(rows(result)[0][0])

    # -- publishing --------------------------------------------------------------------------------------------
    async def announce(self, events: Sequence[NewPublished]) -> list[Announced]:
        """See `Store.announce`."""
        if not events:
            return []
        with refusing_bad_values():
            async with self._lanes.starts.transaction() as transaction:
                fresh, found = await self._insert_events(transaction, events)
                first = {event.id: place for place, event in reversed(list(enumerate(events)))}
                await self._start_subscribers(
                    transaction, [event for event in events if event.id in fresh and event is events[first[event.id]]]
                )
        answers = []
        for place, event in enumerate(events):
            if event.id not in found:
                raise StoreFault(FaultKind.CONTENTION, "a published event vanished while it was looked up")
            is_fresh = event.id in fresh and first[event.id] == place
            answers.append(Announced(*found[event.id], fresh=is_fresh))
        return answers

    async def _insert_events(
        self, transaction: Transaction, events: Sequence[NewPublished]
    ) -> tuple[set[str], dict[str, tuple[int, float, bool]]]:
        """Which ids are new, and what is there under each."""
        sql, identity = self._lanes.sql, self._lanes.identity
        namespace = identity.namespace.encode()
        names = params.texts([event.event for event in events])
        ids = params.texts([event.id for event in events])
        turns = binding.columns(sql("published/take_turns"), identity.schema.encode(), namespace, names)
        insert = binding.columns(
            sql("published/insert"),
            namespace,
            names,
            ids,
            params.texts([event.payload for event in events]),
            params.optional_texts([event.codec_id for event in events]),
            params.bools([event.cancelling for event in events]),
        )
        _, inserted, known = await transaction.run(
            turns, insert, binding.columns(sql("published/look_up"), namespace, ids)
        )
        return {id for (id,) in rows(inserted)}, {id: (number, at, left) for id, number, at, left in rows(known)}

    async def _start_subscribers(self, transaction: Transaction, events: Sequence[NewPublished]) -> None:
        """The runs of their subscribers. In the order of their ids, like all starts."""
        of_apps: dict[str, list[NewRun]] = {}
        for event in events:
            for subscriber in event.subscribers:
                of_apps.setdefault(subscriber.app, []).append(subscriber.run)
        sql, namespace = self._lanes.sql("starts/insert_shared_many"), self._lanes.identity.namespace
        for app, runs in sorted(of_apps.items()):
            ordered = sorted(runs, key=lambda run: run.workflow_id)
            await transaction.run(binding.start_many(sql, namespace, app, ordered))

    async def purge_events(self, older_than: float, limit: int) -> int:
        """See `Store.purge_events`."""
        query = statement(self._lanes.sql("published/purge"), older_than, limit, self._lanes.identity.namespace)
        (result,) = await self._lanes.misc.transact(query)
        return int(rows(result)[0][0])

    # -- reading -----------------------------------------------------------------------------------------------
    async def event_head(self, event: str) -> int:
        """See `Store.event_head`."""
        query = statement(self._lanes.sql("published/head"), self._lanes.identity.namespace, event)
        (result,) = await self._lanes.misc.run(query)
        return int(rows(result)[0][0])

    async def events_above(self, wanted: Sequence[tuple[str, int]], limit: int) -> list[list[PublishedRow]]:
        """See `Store.events_above`."""
        found: list[list[PublishedRow]] = [[] for _ in wanted]
        if not wanted or limit <= 0:
            return found
        query = statement(
            self._lanes.sql("published/after"),
            self._lanes.identity.namespace,
            params.texts([event for event, _ in wanted]),
            params.int8s([number for _, number in wanted]),
            limit,
        )
        (result,) = await self._lanes.misc.run(query)
        for ordinal, *event in rows(result):
            found[ordinal - 1].append(PublishedRow(*event))
        return found

    # -- who waits ---------------------------------------------------------------------------------------------
    async def event_waits(
        self, event: str, below: int, after: tuple[UUID, str, int] | None, limit: int
    ) -> list[EventWait]:
        """See `Store.event_waits`."""
        place = after or (None, None, None)
        query = statement(
            self._lanes.sql("published/waits"), self._lanes.identity.namespace, event, below, *place, limit
        )
        (result,) = await self._lanes.misc.run(query)
        return [EventWait(*row) for row in rows(result)]

    async def event_waits_behind(self, limit: int) -> list[EventWait]:
        """See `Store.event_waits_behind`."""
        query = statement(self._lanes.sql("published/waits_behind"), self._lanes.identity.namespace, limit)
        (result,) = await self._lanes.misc.run(query)
        return [EventWait(*row) for row in rows(result)]

    async def advance_event_waits(self, waits: Sequence[EventWait]) -> None:
        """See `Store.advance_event_waits`."""
        if not waits:
            return
        query = binding.columns(
            self._lanes.sql("published/advance_waits"),
            params.uuids([wait.run_id for wait in waits]),
            params.texts([wait.branch for wait in waits]),
            params.int4s([wait.seq for wait in waits]),
            params.int8s([wait.position for wait in waits]),
        )
        await self._lanes.misc.transact(query)

    # -- cancelling --------------------------------------------------------------------------------------------
    async def events_cancelling(self, older_than: float, limit: int) -> list[PublishedRow]:
        """See `Store.events_cancelling`."""
        query = statement(self._lanes.sql("published/cancelling"), self._lanes.identity.namespace, older_than, limit)
        (result,) = await self._lanes.misc.run(query)
        return [PublishedRow(*row) for row in rows(result)]

    async def event_cancelled(self, id: str) -> None:
        """See `Store.event_cancelled`."""
        query = statement(self._lanes.sql("published/cancelled"), self._lanes.identity.namespace, id)
        await self._lanes.misc.transact(query)

    async def live_runs(
        self, app: str, names: Sequence[str], until: float | None, after: UUID | None, limit: int
    ) -> list[UUID]:
        """See `Store.live_runs`."""
        query = statement(
            self._lanes.sql("published/live_runs"),
            self._lanes.identity.namespace,
            app,
            params.texts(names),
            until,
            after,
            limit,
        )
        (result,) = await self._lanes.misc.run(query)
        return [run_id for (run_id,) in rows(result)]

    async def run_inputs(self, run_ids: Sequence[UUID]) -> list[tuple[UUID, str, str | None]]:
        """See `Store.run_inputs`."""
        if not run_ids:
            return []
        query = binding.columns(self._lanes.sql("published/inputs"), params.uuids(run_ids))
        (result,) = await self._lanes.misc.run(query)
        return [(run_id, text, codec_id) for run_id, text, codec_id in rows(result)]
