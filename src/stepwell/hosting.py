"""Where an engine or a client lives: its configuration, its loop or thread, how it comes up and goes down."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self, TypeVar

from stepwell.config import database_url
from stepwell.core.engines import RUNNING, using
from stepwell.core.env import Env
from stepwell.core.faults import StoreHealth, persist
from stepwell.core.instances import Instances
from stepwell.core.outside import blocking
from stepwell.core.registry import REGISTRY
from stepwell.core.runtime import Runtime
from stepwell.declaring import check_declared, declare_all
from stepwell.errors import AsyncMismatch, ConfigurationError, EngineForked, NoRunningEngine, UsageError
from stepwell.model.ids import check_name
from stepwell.model.queues import Queue, queue_name
from stepwell.model.settings import Settings
from stepwell.serde.codec import Codec
from stepwell.serde.serializer import Serializer
from stepwell.sources.lending import Lending, home_lending
from stepwell.sources.speaking import speaker_on
from stepwell.store.api import Store, StoreIdentity
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.open import create_database, masked, open_store
from stepwell.system import SystemEnv
from stepwell.telemetry.bus import Bus
from stepwell.telemetry.log import subscribe_log

T = TypeVar("T")

#: Runtimes of a parent process. Kept, because to collect them would close its connections and event loops.
_INHERITED: list[Runtime] = []


class Host:
    """What `Client` and `Stepwell` have in common: everything but the verbs. The constructor opens nothing."""

    _executes = False
    #: A simulation's hints would arrive in real time.
    _listens = True

    def __init__(
        self,
        database: str | None = None,
        *,
        name: str = "default",
        schema: str = "stepwell",
        namespace: str = "default",
        listen: Sequence[str | Queue] | None = None,
        declare: Sequence[Any] = (),
        serializer: Codec | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.name = check_name(name, "name")
        self.settings = settings or Settings()
        self.bus = Bus()
        subscribe_log(self.bus)
        self._url = database_url(database)
        self._identity = StoreIdentity(check_name(schema, "schema"), check_name(namespace, "namespace"), name)
        self._declared = check_declared(declare)
        self._queues = None if listen is None else tuple(queue_name(queue) for queue in listen)
        self._serializer = Serializer(
            codec=serializer, pickle=self.settings.pickle, payload_cap=self.settings.payload_cap
        )
        self.instances = Instances()
        self._runtime: Runtime | None = None
        self._pid: int | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._services: list[Any] = []
        self._journal_task: asyncio.Task[None] | None = None

    # -- what a test may replace --------------------------------------------------------------------------
    def _open_store(self) -> Store:
        return open_store(
            self._url, self._identity, call_deadline=self.settings.call_deadline, notify=self.settings.notify
        )

    def _home(self, size: int) -> Lending:
        return home_lending(self._url, size)

    def _env(self) -> Env:
        return SystemEnv()

    # -- what it is about ------------------------------------------------------------------------------------
    @property
    def database(self) -> str:
        """The database's URL, with its password if it has one: not for logs."""
        return self._url

    @property
    def schema(self) -> str:
        """The Postgres schema."""
        return self._identity.schema

    @property
    def namespace(self) -> str:
        """The tenant."""
        return self._identity.namespace

    # -- life ------------------------------------------------------------------------------------------------
    @property
    def runtime(self) -> Runtime:
        """The running core. Raises NoRunningEngine, EngineForked."""
        if self._runtime is None:
            raise NoRunningEngine(f"engine {self.name!r} is not running: `with engine:`, or engine.launch()")
        if self._pid != os.getpid():
            raise EngineForked(
                f"engine {self.name!r} was launched before fork(): launch it in the child process (post_fork)"
            )
        return self._runtime

    def _must_not_run(self) -> None:
        """What was launched before a fork() runs in the parent, not here."""
        if self._runtime is not None and self._pid == os.getpid():
            raise ConfigurationError(f"engine {self.name!r} is running already")
        if self._runtime is not None:
            _INHERITED.append(self._runtime)
            self._runtime = self._thread = self._stop = None

    def launch(self) -> None:
        """Start on a thread and a loop of its own. Returns when it serves; raises what went wrong."""
        refuse_on_loop("`async with engine:`")
        self._must_not_run()
        started = threading.Event()
        failure: list[BaseException] = []

        async def serve() -> None:
            try:
                await self._start()
            except BaseException as error:
                failure.append(error)
                started.set()
                return
            self._stop = asyncio.Event()
            started.set()
            await self._stop.wait()

        def main() -> None:
            with asyncio.Runner() as runner:
                runner.run(serve())

        self._thread = threading.Thread(target=main, name=f"stepwell-{self.name}", daemon=True)
        self._thread.start()
        started.wait()
        if failure:
            self._thread.join()
            self._thread = None
            raise failure[0]

    def close(self, drain: float | None = None) -> None:
        """Stop claiming, wait up to `drain` seconds for running workflows, release the rest, disconnect."""
        if self._runtime is None:
            return
        refuse_on_loop("`async with engine:`, whose end closes it, or asyncio.to_thread(engine.close)")
        if self._thread is None:
            raise UsageError(
                f"engine {self.name!r} runs on an event loop of yours: the end of its `async with` closes it, or "
                "`await engine.aio.close()`"
            )
        runtime, thread, stop = self.runtime, self._thread, self._stop
        try:
            runtime.inbox.run(self._shutdown(self.settings.drain if drain is None else drain))
        finally:
            if stop is not None:
                with suppress(RuntimeError):  # the loop has died before
                    runtime.loop.call_soon_threadsafe(stop.set)
            thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.launch()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        # After an error or Ctrl-C nobody wants to wait for the others: they go on elsewhere, or at the next start.
        self.close(0.0 if kind is not None and not issubclass(kind, Exception) else None)

    async def launch_here(self) -> None:
        """`engine.aio.launch()`: start on the running event loop."""
        self._must_not_run()
        await self._start()

    async def close_from_here(self, drain: float | None = None) -> None:
        """`engine.aio.close()`: `close`, awaited, wherever the engine runs."""
        if self._runtime is None:
            return
        if self._thread is not None:
            return await asyncio.to_thread(self.close, drain)
        runtime = self.runtime
        closing = self._shutdown(self.settings.drain if drain is None else drain)
        if asyncio.get_running_loop() is runtime.loop:
            await closing
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(closing, runtime.loop))

    async def __aenter__(self) -> Self:
        await self.launch_here()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close_from_here()

    @contextmanager
    def use(self) -> Iterator[Self]:
        """Within this block calls mean this engine."""
        token = using.set(self)
        try:
            yield self
        finally:
            using.reset(token)

    async def _start(self) -> None:
        store = self._open_store()
        runtime: Runtime | None = None
        try:
            await self._connect(store)
            runtime = Runtime(
                name=self.name,
                store=store,
                env=self._env(),
                settings=self.settings,
                serializer=self._serializer,
                registry=REGISTRY,
                instances=self.instances,
                queues=self._queues,
                bus=self.bus,
                executes=self._executes,
                label=f"{self.name}@{socket.gethostname()}:{os.getpid()}",
                home=self._home,
                speaker=speaker_on,
            )
            await self._begin(runtime)
        except BaseException:
            if runtime is not None:
                await self._end(runtime)
            await store.close()
            raise
        self._runtime = runtime
        self._pid = os.getpid()
        RUNNING.append(self)

    async def _connect(self, store: Store) -> None:
        """Open and migrate. A database that is away is waited for; one that refuses us is a matter of configuration."""
        env, health, patience = self._env(), StoreHealth(), self.settings.call_patience

        async def connect() -> None:
            if self.settings.create_database:
                await create_database(self._url)
            await store.open()
            if self.settings.migrate:
                await store.migrate()

        async def checked() -> None:
            try:
                await connect()
            except StoreFault as fault:
                if fault.kind is FaultKind.ENVIRONMENT:
                    raise ConfigurationError(
                        f"engine {self.name!r} cannot use the database {masked(self._url)}: {fault.told}"
                    ) from fault
                await store.close()
                raise

        await persist(checked, env, health, patience)

    async def _begin(self, runtime: Runtime) -> None:
        sent = runtime.env.monotonic()
        now = await runtime.patient(runtime.store.now, outside=True)
        runtime.clock.observe(now, sent, runtime.env.monotonic())
        self._journal_task = runtime.spawn(runtime.journal.run())
        await declare_all(runtime, self._declared)
        if self._listens and self.settings.notify:
            runtime.hints.start()

    async def _shutdown(self, drain: float) -> None:
        runtime = self._runtime
        if runtime is None:
            return
        try:
            await self._drain(runtime, drain)
            runtime.journal.close()
            await self._settle(runtime)
        finally:
            if self in RUNNING:
                RUNNING.remove(self)
            self._runtime = None
            await self._end(runtime)
            await runtime.store.close()

    async def _settle(self, runtime: Runtime) -> None:
        """Write what waits and say goodbye. A database that is away keeps nobody from leaving."""
        try:
            async with asyncio.timeout(self.settings.call_deadline):
                if self._journal_task is not None:
                    await self._journal_task
                await self._farewell(runtime)
        except TimeoutError:
            runtime.log.warning(
                "engine %r leaves while its database is away: its runs are taken over when its lease ends", self.name
            )

    async def _drain(self, runtime: Runtime, seconds: float) -> None:
        """A client executes nothing."""

    async def _farewell(self, runtime: Runtime) -> None:
        """A client is in no table."""

    async def _end(self, runtime: Runtime) -> None:
        """End what runs beside the workflows, however far it had come."""
        runtime.closed = True
        runtime.pool.close()
        await runtime.sources.close()
        await runtime.retire()

    def _block(self, make: Callable[[Runtime], Coroutine[Any, Any, T]]) -> T:
        refuse_on_loop("engine.aio, and await")
        runtime = self.runtime
        return blocking(runtime, make(runtime))


def refuse_on_loop(instead: str) -> None:
    """Raise AsyncMismatch on a thread that runs an event loop; `instead` is the fix."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise AsyncMismatch(f"this would block the event loop of this thread: use {instead}")
