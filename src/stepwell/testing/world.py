"""A world of simulated processes on one database: virtual time, and one place that decides what happens next.

Every process has an event loop of its own and the world gives the turns, one at a time, to one that has
something to do. When none has, time jumps to the next timer; while an answer of a real database is under way
it stands still. Nothing else is simulated: engine, store and database are the real ones.

::

    with World(simulated_database("sqlite"), seed=1) as world:
        first = world.process("first")
        first.launch()
        first.start(checkout.options(id="o-1").bind("o-1"))
        world.pass_time(3)
        first.die()
        second = world.process("second")
        second.launch()
        run = second.start(checkout.options(id="o-1").bind("o-1"))
        assert second.run(run.result()) == "paid"
"""

import heapq
import itertools
import random
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

from stepwell.model.settings import Settings
from stepwell.store.api import Store
from stepwell.testing.process import Process
from stepwell.testing.process_threads import undisturbed
from stepwell.testing.simulated_database import SimulatedDatabase
from stepwell.testing.store_proxy import Gate
from stepwell.testing.virtual_loop import VirtualLoop

T = TypeVar("T")

#: What the world's clocks say at its beginning: monotonic seconds, and the unix time of monotonic zero.
START = 1000.0
WALL = 1_750_000_000.0

#: A database that does not answer for so long (real seconds) will not.
PATIENCE_SECONDS = 30.0


class Stalled(Exception):
    """Nothing can happen any more, or not within the limit, and what was waited for has not happened."""


class World:
    """`seed` decides every choice. `settings` are those of processes that are made without their own."""

    def __init__(self, database: SimulatedDatabase, seed: int = 0, settings: Settings | None = None) -> None:
        self.database = database
        self.seed = seed
        self.settings = settings or Settings(migrate=False)
        self.random = random.Random(seed)
        self.now = START
        #: How far the database's clock is ahead of everybody else's; may be changed at any time.
        self.database_ahead = 0.0
        self.processes: list[Process] = []
        self._plans: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._observer: tuple[VirtualLoop, Store] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def database_now(self) -> float:
        """The database's clock, unix seconds."""
        return WALL + self.now + self.database_ahead

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the beginning."""
        return self.now - START

    def process(self, name: str, *, gate: Gate | None = None, settings: Settings | None = None) -> Process:
        """A new process, not launched. `gate` stands in front of its store."""
        process = Process(self, name, gate, settings or self.settings, WALL)
        self.processes.append(process)
        return process

    def at(self, instant: float, call: Callable[[], None]) -> None:
        """Call this then, between two turns."""
        heapq.heappush(self._plans, (instant, next(self._numbers), call))

    # -- what happens next -----------------------------------------------------------------------------------
    def until(self, done: Callable[[], bool], limit: float = 3600.0) -> None:
        """Let things happen until `done()`. Stalled after `limit` virtual seconds, or when nothing can happen."""
        end = self.now + limit
        while not done():
            self._next(end)

    def pass_time(self, seconds: float) -> None:
        """Let things happen for so long."""
        end = self.now + seconds
        reached: list[bool] = []
        self.at(end, lambda: reached.append(True))
        self.until(lambda: bool(reached), seconds + 1.0)

    def _next(self, end: float) -> None:
        if self._plans and self._plans[0][0] <= self.now:
            heapq.heappop(self._plans)[2]()
            return
        self._let_threads_rest()
        able = [process for process in self.processes if process.can_move]
        if able:
            self._turn(able[0] if len(able) == 1 else self.random.choice(able))
            return
        waiting = [process for process in self.processes if process.running and process.in_flight]
        if waiting:
            self._wait_for_answers(waiting)
            return
        moments = [instant for p in self.processes if (instant := p.next_moment()) is not None]
        moments += [self._plans[0][0]] if self._plans else []
        if not moments:
            raise Stalled("nothing is ready, and no timer runs")
        if min(moments) > end:
            raise Stalled(f"it has not happened by {end - START:g} s of virtual time")
        self.now = max(self.now, min(moments))

    def _turn(self, process: Process) -> None:
        process.loop.turn()
        if process.dying:
            process.bury()

    def _wait_for_answers(self, waiting: list[Process]) -> None:
        by_descriptor = {process.loop.selector_fd(): process for process in waiting}
        with selectors.DefaultSelector() as selector:
            for descriptor in by_descriptor:
                selector.register(descriptor, selectors.EVENT_READ)
            readable = selector.select(PATIENCE_SECONDS)
        if not readable:
            raise Stalled(f"the database has not answered for {PATIENCE_SECONDS:g} s of real time")
        self._turn(by_descriptor[readable[0][0].fd])

    def _let_threads_rest(self) -> None:
        """Threads of `def` workflows move in real time: nothing else does until they wait."""
        pools = [(p.threads, p.pool) for p in self.processes if p.running and p.pool is not None]
        patience = time.monotonic() + PATIENCE_SECONDS
        with undisturbed():
            while any(threads.move(pool) for threads, pool in pools):
                if time.monotonic() > patience:
                    raise Stalled(f"a thread of a workflow has been busy for {PATIENCE_SECONDS:g} s of real time")
                time.sleep(0.000_02)

    # -- looking from outside --------------------------------------------------------------------------------
    def ask(self, question: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Ask the database directly, without moving anything else. Not from within a process."""
        if self._observer is None:
            loop = VirtualLoop(time.monotonic)
            store = self.database.store(self.database_now)
            loop.run_until_complete(store.open())
            self._observer = loop, store
        loop, store = self._observer
        self.database.follow(self.database_now())
        return loop.run_until_complete(question(store))

    def close(self) -> None:
        """End all processes without a word, and clear away."""
        for process in self.processes:
            if process.running or process.paused:
                process.die()
                process.bury()
        for process in self.processes:
            process.clear_away()
        if self._observer is not None:
            loop, store = self._observer
            self._observer = None
            loop.run_until_complete(store.close())
            loop.close()
