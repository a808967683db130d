"""Workflows as users hold them: callables that run in this process, and start runs that survive it."""

from collections.abc import Coroutine, Iterable
from typing import Any, Generic, ParamSpec, TypeVar, Unpack

from stepwell.core import call
from stepwell.core.definition import BoundCall, WorkflowDefinition
from stepwell.core.ref import RunRef
from stepwell.decorators.view import View, awaited
from stepwell.errors import InvalidArgument
from stepwell.handle import AsyncHandle, Handle
from stepwell.model.options import CallKeywords, CallOptions

P = ParamSpec("P")
R = TypeVar("R")


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

    def start_many(self, calls: Iterable[BoundCall[R]]) -> list[Handle[R]]:
        """Start runs in bulk, in one transaction per few hundred; handles in the order of the calls.

            handles = checkout.options(queue="orders").start_many(checkout.bind(id) for id in ids)

        Options of a call win over those bound here.
        """
        return [Handle(ref) for ref in call.start_many(self._with_options(calls))]

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

    def start_many(self, calls: Iterable[BoundCall[R]]) -> Coroutine[object, None, list[AsyncHandle[R]]]:
        """Start runs in bulk, in one transaction per few hundred; handles in the order of the calls.

            handles = await digest.start_many(digest.bind(urls) for urls in batches)

        Options of a call win over those bound here.
        """
        return _start_many(call.start_many_async(self._with_options(calls)))

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
