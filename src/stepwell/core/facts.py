"""Who of this process waits for a message, an event, an entry of a stream or a published event: at most a few batched
queries for all.

What is written through this process makes it look at once; so does a hint of another process. Where hints do not
arrive it polls: often at first, at most every two seconds when nothing happens. Waiting holds neither a thread nor a
connection.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

from stepwell.core.heeding import Heed
from stepwell.core.mailbox import MESSAGES, Mailbox, mailbox
from stepwell.errors import NoRunningEngine
from stepwell.model.messaging import EventRow, Message, StreamEntry
from stepwell.model.published import PublishedRow

if TYPE_CHECKING:
    from stepwell.core.execution import Execution
    from stepwell.core.runtime import Runtime

_IDLE_POLL_SECONDS = 2.0
_FIRST_POLL_SECONDS = 0.05
#: How often it looks for safety's sake where hints arrive, seconds.
_SAFETY_POLL_SECONDS = 5.0
#: Between two looks because of hints, seconds.
_FIRST_GAP_SECONDS = 0.005
_LONGEST_GAP_SECONDS = 0.1
#: Polling takes at most this share of the time, however many wait.
_LOAD = 0.25
#: Runs, events and ends that one query asks for.
_WIDTH = 5000
#: Entries of one stream that one query brings.
ENTRIES = 200

#: What an event or a stream gives when its run has ended without it.
ENDED: Literal["ended"] = "ended"

K = TypeVar("K")
Event = tuple[UUID, str]
Place = tuple[UUID, str, int]  # a stream's run and key, and the number of the next entry
Above = tuple[str, int]  # a published event's name, and the number above which it is waited for


class Facts:
    """All on the loop."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._mail: dict[UUID, Mailbox] = {}
        self._events: dict[Event, list[asyncio.Future[Any]]] = {}
        self._streams: dict[Place, list[asyncio.Future[Any]]] = {}
        self._published: dict[Above, list[asyncio.Future[Any]]] = {}
        self._urgent: set[UUID | str] = set()
        self._everything = False
        self._looked: list[asyncio.Future[None]] = []
        self._fresh = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None
        self._closed = False
        self._heed = Heed(runtime, self._look_at_all, _FIRST_GAP_SECONDS, _LONGEST_GAP_SECONDS)
        self.queries = 0

    # -- waiting -----------------------------------------------------------------------------------------------
    def message(self, execution: "Execution", topic: str | None) -> "asyncio.Future[Any]":
        """The next message of the topic for this run. Give it to `forget` unless it was received."""
        mail = mailbox(execution)
        future = mail.next(topic)
        if not future.done():
            self._mail[execution.run_id] = mail
            self._look_soon(execution.run_id)
        return future

    def forget_message(self, execution: "Execution", topic: str | None, future: "asyncio.Future[Any]") -> None:
        """Nobody waits for this message any more, or takes it."""
        mail = mailbox(execution)
        mail.withdraw(topic, future)
        if not mail.topics and self._mail.get(execution.run_id) is mail:
            del self._mail[execution.run_id]

    def event(self, run_id: UUID, key: str) -> "asyncio.Future[Any]":
        """The EventRow once it is set; ENDED if its run has ended without it. Cancel it to wait no more."""
        return self._subscribe(self._events, (run_id, key), run_id)

    def entries(self, run_id: UUID, key: str, start: int) -> "asyncio.Future[Any]":
        """Entries of a stream from number `start` on, once there are some; [] if its run has ended without any."""
        return self._subscribe(self._streams, (run_id, key, start), run_id)

    def published(self, event: str, above: int) -> "asyncio.Future[Any]":
        """The published events of that name above a number, in order, at most ENTRIES of them, once there are some."""
        return self._subscribe(self._published, (event, above), event)

    def first_look(self, waiting: "asyncio.Future[Any]") -> "asyncio.Future[None]":
        """Done when the fact is there, or the database has been asked for it once. Call it where the wait begins."""
        looked: asyncio.Future[None] = self._runtime.loop.create_future()
        waiting.add_done_callback(lambda _: _release(looked), context=self._runtime.context)
        self._looked.append(looked)
        return looked

    def _subscribe(
        self, table: dict[K, list[asyncio.Future[Any]]], what: K, where: UUID | str
    ) -> "asyncio.Future[Any]":
        if self._closed:
            raise self._closing()
        future: asyncio.Future[Any] = self._runtime.loop.create_future()
        table.setdefault(what, []).append(future)
        self._look_soon(where)
        return future

    # -- being told --------------------------------------------------------------------------------------------
    def hint(self) -> None:
        """Another process may have written something: look for everything soon, if somebody waits."""
        if self._poller is not None:
            self._heed.hint()

    def ended(self) -> None:
        """Runs have ended in another process: what they have not written never comes."""
        if self._events or self._streams:
            self.hint()

    def _look_at_all(self) -> None:
        self._everything = True
        self._fresh.set()

    def look(self, places: Iterable[UUID | str]) -> None:
        """Something was sent to these runs, or set by them, or they have ended, or events of these names were
        published: look now if somebody waits."""
        if self._poller is not None:
            self._urgent.update(places)
            self._fresh.set()

    def close(self) -> None:
        """The engine stops: nobody waits here any more; the runs go on elsewhere."""
        self._closed = True
        self._heed.close()
        for futures in (*self._events.values(), *self._streams.values(), *self._published.values()):
            for future in futures:
                if not future.done():
                    future.set_exception(self._closing())
        self._events.clear()
        self._streams.clear()
        self._published.clear()
        self._mail.clear()

    def _closing(self) -> NoRunningEngine:
        return NoRunningEngine(
            f"engine {self._runtime.name!r} was closed while this waited for another run; ask for it again at the next "
            "launch"
        )

    # -- looking -----------------------------------------------------------------------------------------------
    def _look_soon(self, where: UUID | str) -> None:
        self._urgent.add(where)
        self._fresh.set()
        if self._poller is None:
            self._poller = self._runtime.spawn(self._poll())
            self._runtime.hints.want(self, True)

    @property
    def _waits(self) -> bool:
        return bool(self._mail or self._events or self._streams or self._published)

    async def _poll(self) -> None:
        monotonic = self._runtime.env.monotonic
        pause = _FIRST_POLL_SECONDS
        next_full = monotonic() + pause
        while True:
            self._fresh.clear()
            urgent, self._urgent = self._urgent, set()
            looked, self._looked = self._looked, []
            everything, self._everything = self._everything or monotonic() >= next_full, False
            self._drop_abandoned()
            if not self._waits:
                self._poller = None
                self._runtime.hints.want(self, False)
                for future in looked:
                    _release(future)
                return
            began = monotonic()
            found = await self._round(None if everything else urgent)
            if found is None:
                self._looked += looked
                self._everything = True
                pause = _IDLE_POLL_SECONDS / 4
            else:
                for future in looked:
                    _release(future)
                pause = self._next_pause(pause, everything, found)
            rest = min((monotonic() - began) / _LOAD, _IDLE_POLL_SECONDS)
            self._heed.looked(bool(found), rest)
            pause = max(pause, rest)
            next_full = monotonic() + pause if everything or found is None else min(next_full, monotonic() + pause)
            if found is None:
                self._fresh.clear()
            try:
                async with asyncio.timeout(max(0.0, next_full - monotonic())):
                    await self._fresh.wait()
            except TimeoutError:
                pass

    def _next_pause(self, pause: float, everything: bool, found: bool) -> float:
        """Until the next look at everything, if nothing asks for it before."""
        if self._runtime.hints.arrive:
            return _SAFETY_POLL_SECONDS
        if everything and not found:
            return min(pause * 1.5, _IDLE_POLL_SECONDS)
        return _FIRST_POLL_SECONDS  # somebody has begun to wait, or got something: more may be on its way

    async def _round(self, runs: set[UUID | str] | None) -> bool | None:
        """Look once for everything, or for these runs and names; whether something was found. None: it could not be."""
        try:
            found = await self._look_for_messages(runs)
            found = await self._look_for_published(runs) or found
            return await self._look_elsewhere(runs) or found
        except Exception:
            self._runtime.log.exception("asking for messages, events and streams failed; asking again")
            return None

    async def _look_for_messages(self, runs: set[UUID | str] | None) -> bool:
        boxes = {run_id: mail for run_id, mail in self._mail.items() if runs is None or run_id in runs}
        wanted = [(run_id, topic) for run_id, mail in boxes.items() for topic in mail.topics]
        found = False
        for at in range(0, len(wanted), _WIDTH):
            asked = wanted[at : at + _WIDTH]
            arrived: dict[UUID, list[Message]] = {run_id: [] for run_id, _ in asked}
            limit = MESSAGES + max(boxes[run_id].about_to_ask() for run_id in arrived)
            for message in await self._ask(self._runtime.store.unconsumed, asked, limit):
                arrived[message.run_id].append(message)
            for run_id, messages in arrived.items():
                mail = boxes[run_id]
                found = mail.arrived(messages) or found
                if not mail.topics and self._mail.get(run_id) is mail:
                    del self._mail[run_id]
        return found

    async def _look_for_published(self, names: set[UUID | str] | None) -> bool:
        """One question for each name, from the lowest number on: who waits above it is answered with the same rows."""
        lowest: dict[str, int] = {}
        for event, above in self._published:
            if names is None or event in names:
                lowest[event] = min(above, lowest.get(event, above))
        wanted = list(lowest.items())
        found = False
        for at in range(0, len(wanted), _WIDTH):
            asked = wanted[at : at + _WIDTH]
            answers: list[list[PublishedRow]] = await self._ask(self._runtime.store.events_above, asked, ENTRIES)
            rows_of = {event: rows for (event, _), rows in zip(asked, answers, strict=True)}
            for event, above in list(self._published):
                if rows := [row for row in rows_of.get(event, ()) if row.number > above]:
                    found = _answer(self._published, (event, above), rows) or found
        return found

    async def _look_elsewhere(self, runs: set[UUID | str] | None) -> bool:
        """Events and streams of other runs. First whether those have ended: what is not there then never comes."""
        events = [event for event in self._events if runs is None or event[0] in runs]
        places = [place for place in self._streams if runs is None or place[0] in runs]
        if not events and not places:
            return False
        store = self._runtime.store
        targets = list({what[0] for what in (*events, *places)})
        ended: set[UUID] = set()
        for at in range(0, len(targets), _WIDTH):
            ended |= {outcome.run_id for outcome in await self._ask(store.outcomes, targets[at : at + _WIDTH])}
        found = False
        for at in range(0, len(events), _WIDTH):
            rows: list[EventRow] = await self._ask(store.events, events[at : at + _WIDTH])
            answers: dict[Event, Any] = {(row.run_id, row.key): row for row in rows}
            for event in events[at : at + _WIDTH]:
                answer = answers.get(event, ENDED if event[0] in ended else None)
                if answer is not None:
                    found = _answer(self._events, event, answer) or found
        for at in range(0, len(places), _WIDTH):
            asked = places[at : at + _WIDTH]
            rows_of: list[list[StreamEntry]] = await self._ask(store.streams, asked, ENTRIES)
            for place, entries in zip(asked, rows_of, strict=True):
                if entries or place[0] in ended:
                    found = _answer(self._streams, place, entries) or found
        return found

    async def _ask(self, verb: Any, *args: Any) -> Any:
        self.queries += 1
        return await self._runtime.patient(verb, *args)

    def _drop_abandoned(self) -> None:
        _drop_abandoned(self._events)
        _drop_abandoned(self._streams)
        _drop_abandoned(self._published)


def _drop_abandoned(table: dict[K, list[asyncio.Future[Any]]]) -> None:
    for what, futures in list(table.items()):
        if all(future.done() for future in futures):
            del table[what]


def _answer(table: dict[K, list[asyncio.Future[Any]]], what: K, answer: object) -> bool:
    waiting = [future for future in table.pop(what, ()) if not future.done()]
    for future in waiting:
        future.set_result(answer)
    return bool(waiting)


def _release(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
