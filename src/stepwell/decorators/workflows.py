"""Workflows as users hold them: callables that run in this process, and start runs that survive it."""

from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeVar, Unpack, cast, overload

from stepwell.core import call
from stepwell.core.definition import BoundCall, WorkflowDefinition
from stepwell.core.ref import RunRef
from stepwell.decorators.coalescing import AsyncBatch, AsyncCoalesced, Batch, Coalesced
from stepwell.decorators.view import View, awaited
from stepwell.errors import InvalidArgument
from stepwell.handle import AsyncHandle, Handle
from stepwell.model.coalescing import Singly, batched, debounced, single
from stepwell.model.durations import Duration
from stepwell.model.options import CallKeywords, CallOptions

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
U = TypeVar("U", covariant=True)


class _OfOneList(Protocol[T, U]):
    """A workflow that is called with one list."""

    def __call__(self, items: list[T], /) -> U: ...


class _OfOneArgument(Protocol[T_contra, U]):
    """A workflow that can be mapped; in this form type checkers allow further parameters with defaults."""

    def __call__(self, item: T_contra, /) -> U: ...


class _WorkflowView(View[WorkflowDefinition, CallOptions], Generic[P, R]):
    """What both colours share."""

    __slots__ = ()

    @property
    def aio(self) -> "AsyncWorkflow[P, R]":
        """The same workflow, always awaited; a `def` body runs on a worker thread.

        receipt = await checkout.aio("o-1")
        """
        face = self._face(is_async=True)
        return AsyncWorkflow(self._definition, self._options, self._receiver(), face)

    @property
    def sync(self) -> "Workflow[P, R]":
        """The same workflow, always blocking; an `async def` body runs on the engine's loop.

        pages = digest.sync(urls)
        """
        face = self._face(is_async=False)
        return Workflow(self._definition, self._options, self._receiver(), face)

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> BoundCall[R]:
        """This call as a value, with the options bound here; nothing is started.

            fn.start_many([fn.bind(1), fn.options(id="two").bind(2)])

        Raises TypeError if the function does not take these arguments.
        """
        instance = self._receiver()
        if kwargs or len(args) + (instance is not None) not in self._definition.by_position:
            self.__signature__.bind(*args, **kwargs)
        return BoundCall(self._definition, self._options, instance, args, kwargs)

    def _merged(self, new: CallKeywords) -> CallOptions:
        self._receiver()
        return self._options.merged(**new)

    def _with_options(self, calls: Iterable[BoundCall[R]]) -> list[BoundCall[R]]:
        """The calls, with what is bound here where they say nothing themselves."""
        if self._options.id is not None:
            raise InvalidArgument("start_many: an id is for one run: fn.options(id=...).bind(...)")
        definition, own, defaults = self._definition, self._options, self._definition.default_options
        filled: list[BoundCall[R]] = []
        for bound in calls:
            if bound.definition is not definition:
                raise InvalidArgument(
                    f"start_many of {definition.name} cannot start {bound.definition.name}: "
                    "bind the calls with the same function"
                )
            if own is not defaults:
                options = own if bound.options is defaults else bound.options.over(own, defaults)
                bound = BoundCall(definition, options, bound.instance, bound.args, bound.kwargs)
            filled.append(bound)
        return filled


class Workflow(_WorkflowView[P, R]):
    """A workflow that is called plainly and blocks: what `@workflow` makes of a `def` function.

        @workflow
        def checkout(order_id: str) -> str: ...

        checkout("o-1")                                   # runs here, returns the result
        checkout.options(id="o-2").start("o-2").result()  # started once for that id, by any process
        await checkout.aio("o-3")                         # awaited instead

    Raises what the function raises; AsyncMismatch on an event loop's thread; NoRunningEngine.
    """

    __slots__ = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run here and wait for the result; inside a workflow, as a child started once."""
        result: R = call.call_workflow(self._definition, self._options, self._instance, args, kwargs)
        return result

    def start(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Start a run; returns its handle once the start is committed.

            handle = checkout.options(id="o-2", delay=60).start("o-2")
            handle.result(timeout=300)

        Raises WorkflowConflict, InvalidArgument, StoreUnavailable, UnregisteredInstance.
        """
        return Handle(call.start_workflow(self._definition, self._options, self._receiver(), args, kwargs))

    def start_many(self, calls: Iterable[BoundCall[R]], *, atomic: bool = False) -> list[Handle[R]]:
        """Start runs in bulk, in one transaction per thousand; handles in the order of the calls.

            handles = checkout.options(queue="orders").start_many(checkout.bind(id) for id in ids)

        Options of a call win over those bound here. `atomic`: all that are new in one transaction (at most 20,000), so
        that after a crash all are there or none; in a workflow all are started in any case, whatever happens meanwhile.
        """
        return [Handle(ref) for ref in call.start_many(self._with_options(calls), atomic)]

    @overload
    def map(
        self, items: Iterable[BoundCall[R]], *, concurrency: int = 100, tolerate: Literal[0] = 0, ordered: bool = True
    ) -> Iterator[R]: ...
    @overload
    def map(
        self, items: Iterable[BoundCall[R]], *, concurrency: int = 100, tolerate: float, ordered: bool = True
    ) -> Iterator[R | Exception]: ...
    @overload
    def map(
        self: _OfOneArgument[T, U],
        items: Iterable[T],
        *,
        concurrency: int = 100,
        tolerate: Literal[0] = 0,
        ordered: bool = True,
    ) -> Iterator[U]: ...
    @overload
    def map(
        self: _OfOneArgument[T, U], items: Iterable[T], *, concurrency: int = 100, tolerate: float, ordered: bool = True
    ) -> Iterator[U | Exception]: ...
    def map(
        self: Any, items: Iterable[Any], *, concurrency: int = 100, tolerate: float = 0, ordered: bool = True
    ) -> Iterator[Any]:
        """A run for each item, at most `concurrency` of them unfinished at a time; their results, one after the other.

            for receipt in checkout.map(order_ids, concurrency=50): ...
            for result in checkout.map(order_ids, tolerate=0.05, ordered=False): ...

        Within a workflow the runs are its children, and everything is recorded. `items`: arguments of a workflow with
        one parameter, or calls (`fn.bind(...)`); they are read, and runs started, only as results are asked for.
        `ordered`: results in the order of the items; otherwise as the runs end.

        `tolerate`: how many may fail, or which share of all (0.0 to 1.0): such a failure is given as the exception in
        the place of the result. One more, and those that have not ended are cancelled and TooManyFailures is raised; a
        share of items without a length is judged at the end. By default the first failure is raised as itself, and the
        others are cancelled. Raises InvalidArgument at once.
        """
        receiver = self._receiver()
        return call.map_workflow(self._definition, self._options, receiver, items, concurrency, tolerate, ordered)

    def debounce(self, key: str, delay: Duration, limit: Duration | None = None) -> Coalesced[P, R]:
        """Starts of which the last one counts: a run begins `delay` (seconds or timedelta) after the last of them,
        with its inputs, and at most `limit` after the first. Starts with one `key` (of this workflow) belong together.

            sync_profile.debounce("user-7", delay=5, limit=60).start(profile)

        Durable: each start is committed when it returns. A start after the run has begun is the first of the next one.
        Not within a workflow itself (UsageError), but in its steps.
        """
        return Coalesced(self, debounced(key, delay, limit))

    def batch(self: _OfOneList[T, U], max_size: int, max_wait: Duration, *, key: str = "all") -> Batch[T, U]:
        """Starts that become one run, which receives a list: it begins when `max_size` items are there, or `max_wait`
        (seconds or timedelta) after the first. The workflow has one parameter, a list. `key`: several batches at once.

            handle = index_pages.batch(max_size=100, max_wait=2).start("/about")

        Durable: an item is committed when `start` returns; a start whose answer is lost may add its item twice. A batch
        ends earlier where its input would exceed the payload cap. Items are appended in the database: UsageError with
        a codec (`serializer=`). Not within a workflow itself, but in its steps.
        """
        return Batch(cast("Workflow[..., U]", self), batched(key, max_size, max_wait))

    def singleton(self, key: str, mode: Singly = "skip") -> Coalesced[P, R]:
        """One run at a time per `key` (of this workflow), from its start to its end, waits included. While another run
        of the key has not ended, a start is that run ("skip": its handle), waits until it has ended ("queue", in the
        order of the starts), or takes its place ("cancel": the old one is cancelled with the reason "superseded", and
        the new one does not wait for its cleanup).

            rebuild.singleton("site-7", mode="cancel").start()

        Not within a workflow itself (UsageError), but in its steps.
        """
        return Coalesced(self, single(key, mode))

    def handle(self, id: str) -> Handle[R]:
        """The handle of the run with this id. Raises WorkflowNotFound.

        checkout.handle("o-2").result()
        """
        return Handle.of(self._definition, id, engine=self._options.engine)

    def options(self, **options: Unpack[CallKeywords]) -> "Workflow[P, R]":
        """The same workflow with options bound; those not named stay as they are.

            checkout.options(id="o-2", queue="orders", priority=1).start("o-2")

        `id` (idempotency key, at most 255 characters, no '/'), `on_conflict` ("attach", "reject" or
        "replace"), `queue`, `priority` (lower first), `delay` (seconds or timedelta), `at` (aware
        datetime), `timeout`, `deadline`, `attributes` (searchable JSON), `conn` (an open connection: the start is
        in its transaction), `engine`, `parent_close`
        ("cancel" or "abandon"). Raises InvalidArgument at once.
        """
        return Workflow(self._definition, self._merged(options), self._instance, self.__dict__)


@awaited
class AsyncWorkflow(_WorkflowView[P, R]):
    """A workflow that is awaited: what `@workflow` makes of an `async def` function.

        @workflow
        async def digest(urls: list[str]) -> list[str]: ...

        pages = await digest(urls)
        handle = await digest.options(id="d-1").start(urls)
        pages = digest.sync(urls)                         # blocks instead

    Inside a workflow, calls are numbered when they are made, not when they are awaited: gather them freely.
    """

    __slots__ = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[object, None, R]:
        """Run here; await the result. Inside a workflow, a child started once."""
        return call.call_workflow_async(self._definition, self._options, self._instance, args, kwargs)

    def start(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[object, None, AsyncHandle[R]]:
        """Start a run; gives its handle once the start is committed.

            handle = await digest.options(id="d-1").start(urls)
            await handle.result(timeout=300)

        Raises WorkflowConflict, InvalidArgument, StoreUnavailable, UnregisteredInstance.
        """
        instance = self._receiver()
        return _start(call.start_workflow_async(self._definition, self._options, instance, args, kwargs))

    def start_many(
        self, calls: Iterable[BoundCall[R]], *, atomic: bool = False
    ) -> Coroutine[object, None, list[AsyncHandle[R]]]:
        """Start runs in bulk; see `Workflow.start_many`.

        handles = await digest.start_many(digest.bind(urls) for urls in batches)
        """
        return _start_many(call.start_many_async(self._with_options(calls), atomic))

    @overload
    def map(
        self, items: Iterable[BoundCall[R]], *, concurrency: int = 100, tolerate: Literal[0] = 0, ordered: bool = True
    ) -> AsyncIterator[R]: ...
    @overload
    def map(
        self, items: Iterable[BoundCall[R]], *, concurrency: int = 100, tolerate: float, ordered: bool = True
    ) -> AsyncIterator[R | Exception]: ...
    @overload
    def map(
        self: _OfOneArgument[T, Coroutine[object, None, U]],
        items: Iterable[T],
        *,
        concurrency: int = 100,
        tolerate: Literal[0] = 0,
        ordered: bool = True,
    ) -> AsyncIterator[U]: ...
    @overload
    def map(
        self: _OfOneArgument[T, Coroutine[object, None, U]],
        items: Iterable[T],
        *,
        concurrency: int = 100,
        tolerate: float,
        ordered: bool = True,
    ) -> AsyncIterator[U | Exception]: ...
    def map(
        self: Any, items: Iterable[Any], *, concurrency: int = 100, tolerate: float = 0, ordered: bool = True
    ) -> AsyncIterator[Any]:
        """See `Workflow.map`; the results are awaited.

        async for page in digest.map(urls, concurrency=50): ...
        """
        receiver = self._receiver()
        return call.map_workflow_async(self._definition, self._options, receiver, items, concurrency, tolerate, ordered)

    def debounce(self, key: str, delay: Duration, limit: Duration | None = None) -> AsyncCoalesced[P, R]:
        """See `Workflow.debounce`."""
        return AsyncCoalesced(self, debounced(key, delay, limit))

    def batch(
        self: _OfOneList[T, Coroutine[object, None, U]], max_size: int, max_wait: Duration, *, key: str = "all"
    ) -> AsyncBatch[T, U]:
        """See `Workflow.batch`."""
        return AsyncBatch(cast("AsyncWorkflow[..., U]", self), batched(key, max_size, max_wait))

    def singleton(self, key: str, mode: Singly = "skip") -> AsyncCoalesced[P, R]:
        """See `Workflow.singleton`."""
        return AsyncCoalesced(self, single(key, mode))

    def handle(self, id: str) -> AsyncHandle[R]:
        """The handle of the run with this id; its methods are awaited, and raise WorkflowNotFound.

        await digest.handle("d-1").result()
        """
        return AsyncHandle.of(self._definition, id, engine=self._options.engine)

    def options(self, **options: Unpack[CallKeywords]) -> "AsyncWorkflow[P, R]":
        """The same workflow with options bound; see `Workflow.options`.

        await digest.options(id="d-1", timeout=timedelta(hours=1)).start(urls)
        """
        return AsyncWorkflow(self._definition, self._merged(options), self._instance, self.__dict__)


async def _start(ref: Coroutine[object, None, RunRef]) -> AsyncHandle[Any]:
    return AsyncHandle(await ref)


async def _start_many(refs: Coroutine[object, None, list[RunRef]]) -> list[AsyncHandle[Any]]:
    return [AsyncHandle(ref) for ref in await refs]
