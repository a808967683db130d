"""A client of the database: starts, looks, cancels; never executes."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Self, TypeVar

from stepwell.config import database_url
from stepwell.core import operate
from stepwell.core.engines import RUNNING, using
from stepwell.core.env import Env
from stepwell.core.faults import StoreHealth, persist
from stepwell.core.instances import Instances
from stepwell.core.outside import blocking, from_any_loop
from stepwell.core.registry import REGISTRY
from stepwell.core.runtime import Runtime
from stepwell.decorators import AsyncWorkflow, Workflow
from stepwell.errors import AsyncMismatch, ConfigurationError, EngineForked, NoRunningEngine, WorkflowNotFound
from stepwell.handle import AsyncHandle, Handle
from stepwell.model.ids import check_name
from stepwell.model.info import ExecutorInfo, Page, WorkflowInfo
from stepwell.model.settings import Settings
from stepwell.serde.codec import Codec
from stepwell.serde.serializer import Serializer
from stepwell.store.api import Store, StoreIdentity
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.open import create_database, masked, open_store
from stepwell.system import SystemEnv
from stepwell.telemetry.bus import Bus
from stepwell.telemetry.log import subscribe_log

T = TypeVar("T")


class Client:
    """The verbs of an engine without its execution: starts are ENQUEUED for the engines that serve them.

    `database` as in `stepwell.config.database_url`; `schema` is the Postgres schema; `name` tells the services of one
    schema apart and `namespace` the tenants. The constructor opens nothing.

    ::

        with Client("postgresql://localhost/shop") as client:
            client.workflow("shop:checkout").start("o-1", "anvil", 4200)
    """

    _executes = False

    def __init__(
        self,
        database: str | None = None,
        *,
        name: str = "default",
        schema: str = "stepwell",
        namespace: str = "default",
        listen: Sequence[Any] | None = None,
        declare: Sequence[Any] = (),
        serializer: Codec | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.name = check_name(name, "name")
        self.settings = settings or Settings()
        self.bus = Bus()
        self._url = database_url(database)
        self._identity = StoreIdentity(check_name(schema, "schema"), check_name(namespace, "namespace"), name)
        if declare:
            raise ConfigurationError("declare= takes queues and schedules, which are not available yet")
        self._queues = tuple(check_name(queue, "queue") for queue in listen or ())
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
        return open_store(self._url, self._identity, call_deadline=self.settings.call_deadline)

    def _env(self) -> Env:
        return SystemEnv()

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

    def launch(self) -> None:
        """Start on a thread and a loop of its own. Returns when it serves; raises what went wrong."""
        if self._runtime is not None:
            raise ConfigurationError(f"engine {self.name!r} is running already")
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
        if self._runtime is None or self._thread is None:
            return
        runtime, thread, stop = self.runtime, self._thread, self._stop
        try:
            runtime.inbox.run(self._shutdown(self.settings.drain if drain is None else drain))
        finally:
            if stop is not None:
                runtime.inbox.post(stop.set)
            thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.launch()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        # After an error or Ctrl-C nobody wants to wait for the others: they go on elsewhere, or at the next start.
        self.close(0.0 if kind is not None and not issubclass(kind, Exception) else None)

    async def __aenter__(self) -> Self:
        if self._runtime is not None:
            raise ConfigurationError(f"engine {self.name!r} is running already")
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._shutdown(self.settings.drain)

    @contextmanager
    def use(self) -> Iterator[Self]:
        """Within this block calls mean this engine."""
        token = using.set(self)
        try:
            yield self
        finally:
            using.reset(token)

    async def _start(self) -> None:
        subscribe_log(self.bus)
        store = self._open_store()
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
            )
            await self._begin(runtime)
        except BaseException:
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
                        f"engine {self.name!r} cannot use the database {masked(self._url)}: {fault.code} {fault}"
                    ) from fault
                await store.close()
                raise

        await persist(checked, env, health, patience)

    async def _begin(self, runtime: Runtime) -> None:
        sent = runtime.env.monotonic()
        now = await runtime.patient(runtime.store.now, outside=True)
        runtime.clock.observe(now, sent, runtime.env.monotonic())
        self._journal_task = runtime.spawn(runtime.journal.run())

    async def _shutdown(self, drain: float) -> None:
        runtime = self._runtime
        if runtime is None:
            return
        try:
            await self._drain(runtime, drain)
            runtime.journal.close()
            if self._journal_task is not None:
                await self._journal_task
            await self._farewell(runtime)
        finally:
            runtime.closed = True
            if self in RUNNING:
                RUNNING.remove(self)
            self._runtime = None
            runtime.pool.close()
            await runtime.retire()
            await runtime.store.close()

    async def _drain(self, runtime: Runtime, seconds: float) -> None:
        """A client executes nothing."""

    async def _farewell(self, runtime: Runtime) -> None:
        """A client is in no table."""

    # -- verbs -----------------------------------------------------------------------------------------------
    @cached_property
    def aio(self) -> "AsyncVerbs":
        """The same verbs, awaited."""
        return AsyncVerbs(self)

    def _block(self, make: Callable[[Runtime], Coroutine[Any, Any, T]]) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise AsyncMismatch("this would block the event loop of this thread: use engine.aio, and await")
        runtime = self.runtime
        return blocking(runtime, make(runtime))

    def register(self, name: str, instance: object, *, replace: bool = False) -> None:
        """Name an instance, so that its method workflows can be taken over by any process that has it too."""
        self.instances.register(name, instance, replace=replace)

    def start(self, fn: Workflow[..., T], *args: Any, **kwargs: Any) -> Handle[T]:
        """`fn.start(...)` on this engine."""
        return fn.options(engine=self).start(*args, **kwargs)

    def workflow(self, name: str) -> Workflow[..., Any]:
        """A workflow by its registered name, for callers that cannot import it.

        Raises WorkflowNotFound if this process does not define it.
        """
        return _view(self, name)

    def handle(self, id: str) -> Handle[Any]:
        """The handle of the current run with this id. Raises WorkflowNotFound."""
        ref = self._block(lambda runtime: operate.reference(runtime, id))
        return Handle(ref)

    def find(
        self,
        *,
        name: str | None = None,
        status: str | Sequence[str] | None = None,
        id_prefix: str | None = None,
        attributes: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[WorkflowInfo]:
        """Runs, newest first, without payloads. `after` is the page before's `after`."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until, limit, after)
        return self._block(lambda runtime: operate.find(runtime, where))

    def count(
        self,
        *,
        name: str | None = None,
        status: str | Sequence[str] | None = None,
        id_prefix: str | None = None,
        attributes: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """How many runs match."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until)
        return self._block(lambda runtime: operate.count(runtime, where))

    def cancel(self, id: str, force: bool = False, children: bool = True) -> None:
        """Request a cancellation; with `force` the run is CANCELLED at once, whatever it does."""
        self._block(lambda runtime: operate.cancel(runtime, id, force, children))

    def resume(self, id: str) -> Handle[Any]:
        """Go on from where a BLOCKED, DEAD, CANCELLED or failed run stopped."""
        return Handle(self._block(lambda runtime: operate.resume(runtime, id)))

    def rewind(self, id: str, step: str) -> Handle[Any]:
        """Run the same run from that step (a `StepInfo.id`) again; what is replaced is archived."""
        return Handle(self._block(lambda runtime: operate.rewind(runtime, id, step)))

    def fork(self, id: str, step: str, input: Any = None, *, new_id: str | None = None) -> Handle[Any]:
        """A new run that keeps what came before that step. `input`: (args, kwargs) to replace the recorded ones."""
        return Handle(self._block(lambda runtime: operate.fork(runtime, id, step, input, new_id)))

    def delete(self, id: str) -> None:
        """Remove an ended run with everything recorded of it. Raises UsageError if it has not ended."""
        self._block(lambda runtime: operate.delete(runtime, id))

    def explain(self, id: str) -> str:
        """Why the run is not running, or what it waits for, in words."""
        return self._block(lambda runtime: operate.explain(runtime, id))

    def executors(self) -> list[ExecutorInfo]:
        """The processes of this schema: live, draining, and silent ones that are not removed yet."""
        return self._block(operate.executors)

    def health(self) -> dict[str, Any]:
        """Whether the engine serves: its state, its database, what it executes."""
        return operate.health(self.runtime)


class AsyncVerbs:
    """`engine.aio`: every verb of `Client`, awaited."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def _await(self, make: Callable[[Runtime], Coroutine[Any, Any, T]]) -> T:
        runtime = self._client.runtime
        return await from_any_loop(runtime, make(runtime))

    async def start(self, fn: AsyncWorkflow[..., T], *args: Any, **kwargs: Any) -> AsyncHandle[T]:
        """See `Client.start`."""
        return await fn.options(engine=self._client).start(*args, **kwargs)

    def workflow(self, name: str) -> AsyncWorkflow[..., Any]:
        """See `Client.workflow`; the awaited view."""
        return _view(self._client, name).aio

    async def handle(self, id: str) -> AsyncHandle[Any]:
        """See `Client.handle`."""
        return AsyncHandle(await self._await(lambda runtime: operate.reference(runtime, id)))

    async def find(
        self,
        *,
        name: str | None = None,
        status: str | Sequence[str] | None = None,
        id_prefix: str | None = None,
        attributes: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[WorkflowInfo]:
        """See `Client.find`."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until, limit, after)
        return await self._await(lambda runtime: operate.find(runtime, where))

    async def count(
        self,
        *,
        name: str | None = None,
        status: str | Sequence[str] | None = None,
        id_prefix: str | None = None,
        attributes: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """See `Client.count`."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until)
        return await self._await(lambda runtime: operate.count(runtime, where))

    async def cancel(self, id: str, force: bool = False, children: bool = True) -> None:
        """See `Client.cancel`."""
        await self._await(lambda runtime: operate.cancel(runtime, id, force, children))

    async def resume(self, id: str) -> AsyncHandle[Any]:
        """See `Client.resume`."""
        return AsyncHandle(await self._await(lambda runtime: operate.resume(runtime, id)))

    async def rewind(self, id: str, step: str) -> AsyncHandle[Any]:
        """See `Client.rewind`."""
        return AsyncHandle(await self._await(lambda runtime: operate.rewind(runtime, id, step)))

    async def fork(self, id: str, step: str, input: Any = None, *, new_id: str | None = None) -> AsyncHandle[Any]:
        """See `Client.fork`."""
        return AsyncHandle(await self._await(lambda runtime: operate.fork(runtime, id, step, input, new_id)))

    async def delete(self, id: str) -> None:
        """See `Client.delete`."""
        await self._await(lambda runtime: operate.delete(runtime, id))

    async def explain(self, id: str) -> str:
        """See `Client.explain`."""
        return await self._await(lambda runtime: operate.explain(runtime, id))

    async def executors(self) -> list[ExecutorInfo]:
        """See `Client.executors`."""
        return await self._await(operate.executors)

    async def run_until_idle(self, timeout: float = 60.0) -> None:
        """See `Stepwell.run_until_idle`."""
        await self._await(lambda runtime: operate.run_until_idle(runtime, timeout))


def _view(client: Client, name: str) -> Workflow[..., Any]:
    definition = REGISTRY.find(name)
    if definition is None:
        raise WorkflowNotFound(f"no workflow {name!r} is defined in this process: import the module that defines it")
    return Workflow(definition, definition.default_options.merged(engine=client), None, {"__name__": name})
