"""The engine: a client that also executes."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator
from typing import Any

from stepwell.client import Client
from stepwell.core import operate, tasks
from stepwell.core.runtime import Runtime
from stepwell.core.unwind import Fate
from stepwell.model.rows import Leave
from stepwell.model.settings import Settings
from stepwell.model.status import Status
from stepwell.services.cancellations import Cancellations
from stepwell.services.dispatcher import Dispatcher
from stepwell.services.heartbeat import Heartbeat
from stepwell.services.janitor import Janitor
from stepwell.services.scheduler import Scheduler
from stepwell.services.sweeper import Sweeper
from stepwell.services.watchdog import Watchdog


class Stepwell(Client):
    """Makes the workflows of this process durable, and takes over those of processes that died.

    ::

        engine = Stepwell("postgresql://localhost/shop")
        with engine:                       # migrate, take over, claim work; leaving drains and stops
            print(checkout("o-1", "anvil", 4200))

    `async with engine:` does the same on the caller's event loop. Nothing is opened by the constructor. A closed
    engine may be launched again. Everything is committed in the database before anything may depend on it; a
    crash at any moment loses no started workflow: any process with the same code goes on from the last recorded step.
    """

    _executes = True
    #: A simulation beats on its loop, whose time is virtual: an OS thread would beat in real time.
    _beats_on_loop = False
    _heartbeat: Heartbeat | None = None

    async def _begin(self, runtime: Runtime) -> None:
        await super()._begin(runtime)
        for warning in await runtime.store.warnings():
            runtime.log.warning("%s", warning)
        await runtime.register()
        tasks.install(runtime.loop)
        self._heartbeat = Heartbeat(runtime)
        self._heartbeat.start_on_loop() if self._beats_on_loop else self._heartbeat.start()
        self._services = [
            Sweeper(runtime),
            Dispatcher(runtime),
            Scheduler(runtime),
            Cancellations(runtime),
            Janitor(runtime),
            Watchdog(runtime),
        ]
        for service in self._services:
            service.start()
        runtime.hints.want(self, True)

    async def _drain(self, runtime: Runtime, seconds: float) -> None:
        """Claim nothing more, let what runs end for a while, release the rest."""
        runtime.draining = True
        # A hint for people: a database that is away must not hold up the rest.
        runtime.spawn(runtime.patient(runtime.store.set_draining, runtime.incarnation))
        for service in self._services:
            await service.stop()
        await self._release(runtime, seconds, only_waiting=True)
        await self._release(runtime, 1.0, only_waiting=False)

    async def _release(self, runtime: Runtime, seconds: float, only_waiting: bool) -> None:
        """Give runs back for up to `seconds`, or until none is left here."""
        limit = runtime.env.monotonic() + seconds
        while (left := limit - runtime.env.monotonic()) > 0:
            # At the end also what is being started: its row will name this process as its owner.
            if not runtime.executions and (only_waiting or not any(runtime.reserved)):
                break
            runtime.emptied.clear()
            for execution in list(runtime.executions.values()):
                # Those that only wait need not be waited for.
                if not only_waiting or (execution.blocked and not execution.submitted and not execution.tasks):
                    execution.unwind(Fate.RELEASED, "its process shut down")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, 0.05)):
                    await runtime.emptied.wait()

    async def _farewell(self, runtime: Runtime) -> None:
        runtime.departed = True
        # A body that does not end cannot be stopped on a thread. Its run is given back without it, so that others
        # go on at once and no takeover is counted; the epoch keeps the body's late outcome out.
        await asyncio.gather(
            *(
                runtime.leave(
                    Leave(
                        execution.run_id,
                        execution.epoch,
                        Status.ENQUEUED,
                        "its process shut down",
                        queue=execution.queue,
                    ),
                    patience=runtime.settings.call_deadline,
                )
                for execution in list(runtime.executions.values())
            )
        )
        if self._heartbeat is not None:
            await self._heartbeat.end()  # a later beat would find its row gone, and think that others took it
        await runtime.patient(runtime.store.unregister, runtime.incarnation)

    async def _end(self, runtime: Runtime) -> None:
        if self._heartbeat is not None:
            await self._heartbeat.end()
            self._heartbeat = None
            tasks.remove(runtime.loop)
        await super()._end(runtime)

    # -- verbs of an engine ----------------------------------------------------------------------------------
    def client(self, settings: Settings | None = None) -> Client:
        """A client with this engine's configuration (database, name, schema, namespace, serializer, instances), not
        launched: what it starts, a running engine like this one executes. `settings`: others than the engine's.

        ::

            with engine.client() as client:
                checkout.options(engine=client).start("o-1", "anvil", 4200)
        """
        client = Client(
            self.database,
            name=self.name,
            schema=self.schema,
            namespace=self.namespace,
            settings=settings or self.settings,
        )
        client._serializer = self._serializer
        client.instances = self.instances
        return client

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain and stop; a second signal ends the process at once. In the main
        thread. Before the engine is up (the database may be away) the first one does."""
        stop = threading.Event()

        def stopping(number: int, _: object) -> None:
            if stop.is_set() or self._runtime is None:
                raise SystemExit(128 + number)
            stop.set()

        previous = {number: signal.signal(number, stopping) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            with self:
                while not stop.wait(3600.0):
                    pass
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def lifespan(self, app: Any = None) -> "contextlib.AbstractAsyncContextManager[None]":
        """An ASGI lifespan: `Starlette(lifespan=engine.lifespan)`."""

        @contextlib.asynccontextmanager
        async def running() -> AsyncIterator[None]:
            async with self:
                yield

        return running()

    def run_until_idle(self, timeout: float = 60.0) -> None:
        """Return when nothing is left that could run now. Raises WaitTimeout. For tests and scripts."""
        self._block(lambda runtime: operate.run_until_idle(runtime, timeout))
