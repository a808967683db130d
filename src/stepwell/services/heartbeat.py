"""Proves that this process lives: one UPDATE every third of the lease, on a thread and a connection of its own.

A blocked event loop must not look like a dead process; and a process that cannot renew fences itself.
"""

import asyncio
import threading
from typing import TYPE_CHECKING

from stepwell.core import cancel
from stepwell.model.rows import Beat
from stepwell.store.api import HeartbeatPort
from stepwell.store.faults import StoreFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class Heartbeat:
    """`beat_once` is the whole rule; the thread only repeats it (a simulation calls it from a task)."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._port: HeartbeatPort | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None
        #: Called on the loop when the database does not know this incarnation any more.
        self.margin = min(2.0, runtime.settings.lease / 10)

    @property
    def interval(self) -> float:
        """Seconds between two beats."""
        return self._runtime.settings.lease / 3

    def start(self) -> None:
        """Begin on a thread of its own."""
        self._thread = threading.Thread(target=self._run, name=f"stepwell-{self._runtime.name}-heartbeat", daemon=True)
        self._thread.start()

    def start_on_loop(self) -> None:
        """Begin as a task of the core's loop: for simulations, whose time is the loop's."""
        self._task = self._runtime.spawn(self._run_on_loop())

    async def end(self) -> None:
        """End, however it was started, and give the connection back."""
        if self._task is None:
            await asyncio.to_thread(self.stop)
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._port is not None:
            self._port.close()

    def stop(self) -> None:
        """End the thread, and give the connection back."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self._runtime.settings.call_deadline + 1)

    def beat_once(self) -> bool:
        """One beat; False if the database could not be reached."""
        runtime = self._runtime
        if self._port is None:
            self._port = runtime.store.heartbeat_port()
        incarnation = runtime.incarnation
        sent_alive, sent = runtime.env.alive(), runtime.env.monotonic()
        try:
            beat = self._port.beat(incarnation, runtime.settings.lease)
        except StoreFault as fault:
            runtime.on_loop(runtime.health.failed, fault)
            return False
        runtime.on_loop(self._acknowledged, incarnation, beat, sent_alive, sent, runtime.env.monotonic())
        return True

    def _acknowledged(self, incarnation: object, beat: Beat, sent_alive: float, sent: float, received: float) -> None:
        runtime = self._runtime
        if runtime.incarnation != incarnation:
            return
        runtime.clock.observe(beat.database_now, sent, received)
        if runtime.health.fault is not None:
            runtime.health.worked()
        if not beat.known:
            runtime.spawn(runtime.reincarnate())
            return
        # The lease counts from the moment the beat was *sent*: the database cannot have begun it earlier.
        runtime.renewed(sent_alive + runtime.settings.lease - self.margin)
        for run_id, reason in beat.cancels.items():
            cancel.known(runtime, run_id, reason)

    def _run(self) -> None:
        pause = self.interval
        while not self._stop.wait(pause):
            try:
                pause = self._beat()
            except RuntimeError:
                break  # the loop is closed: the engine is gone
        if self._port is not None:
            self._port.close()

    async def _run_on_loop(self) -> None:
        pause = self.interval
        while True:
            await asyncio.sleep(pause)
            pause = self._beat()

    def _beat(self) -> float:
        """One beat, whatever happens; seconds until the next."""
        try:
            worked = self.beat_once()
        except RuntimeError:
            raise
        except Exception:
            self._runtime.log.exception("a heartbeat failed; it repeats")
            worked = False
        return self.interval if worked else min(1.0, self.interval)
