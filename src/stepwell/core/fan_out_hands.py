"""What carries out the actions of a fan-out: within a workflow, recorded there, or outside any; in both colours."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from stepwell.core import bulk, cancel, sealing
from stepwell.core import fan_out_recorded as recorded
from stepwell.core.async_ops import release_timer
from stepwell.core.context import Branch, frame
from stepwell.core.definition import BoundCall
from stepwell.core.fan_out import Action, Ask, Await, Cancel, Ended, Failed, Start
from stepwell.core.fan_out_ends import Ends
from stepwell.core.inbox import Slot
from stepwell.core.outside import blocking, from_any_loop
from stepwell.core.ref import RunRef
from stepwell.errors import CodecUnavailable, NoRunningEngine, StoreUnavailable, UsageError

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

T = TypeVar("T")


class InWorkflow:
    """The runs are children of the running one, and every action is an operation of it."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self._ends = Ends(branch.execution.runtime)
        self._abandoned: set[UUID] = set()
        branch.execution.on_end.append(lambda _: self._ends.close())

    def check(self) -> None:
        """Raises UsageError where its operations would be another's."""
        here = frame.get()
        if not isinstance(here, Branch) or here.execution is not self.branch.execution:
            raise UsageError("the results of a map() are for the workflow that called it, and not for its steps")

    def do(self, action: Action) -> Any:
        """For a def workflow. What it raises is not the plan's, but for a start's."""
        branch = self.branch
        match action:
            case Start(calls):
                return self._started(calls, bulk.start_children(branch, calls))
            case Await(refs):
                return recorded.any_of(branch, refs, self._ends)
            case Ask(place, ref):
                try:
                    return recorded.result(branch, place, ref, self._ends)
                except Exception as error:
                    return Failed(_bare(error))
            case Cancel(refs):
                if bound := self._bound(refs):
                    recorded.close(branch, bound)

    async def do_async(self, action: Action) -> Any:
        """For an async one."""
        branch = self.branch
        match action:
            case Start(calls):
                return self._started(calls, await bulk.start_children_async(branch, calls))
            case Await(refs):
                return await recorded.any_of_async(branch, refs, self._ends)
            case Ask(place, ref):
                try:
                    return await recorded.result_async(branch, place, ref, self._ends)
                except Exception as error:
                    return Failed(_bare(error))
            case Cancel(refs):
                if bound := self._bound(refs):
                    await recorded.close_async(branch, bound)

    def close(self) -> None:
        """Nothing more is wanted; what is left ends with the execution."""

    def _started(self, calls: Sequence[BoundCall[Any]], refs: list[RunRef]) -> list[RunRef]:
        for call, ref in zip(calls, refs, strict=True):
            if call.options.parent_close == "abandon" and ref.run_id is not None:
                self._abandoned.add(ref.run_id)
        return refs

    def _bound(self, refs: Sequence[RunRef]) -> list[UUID]:
        """Those that may not outlive us."""
        return [ref.run_id for ref in refs if ref.run_id is not None and ref.run_id not in self._abandoned]


class Outside:
    """The runs are nobody's children, and nothing is recorded but they."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._ends = Ends(runtime)

    def check(self) -> None:
        """Raises UsageError in a workflow, whose replay would not get the same."""
        if frame.get() is not None:
            raise UsageError("this map() was called outside the workflow: call it in the workflow itself")

    def do(self, action: Action) -> Any:
        """Blocking."""
        match action:
            case Start(calls):
                return bulk.start_many(calls)
            case Await(refs):
                slot = Slot()
                self._runtime.on_loop(self._ends.watch, refs, slot.resolve)
                slot.wait()
                return self._ends.of(refs)
            case Ask(place, ref):
                return self._here(self._ask(place, ref))
            case Cancel(refs):
                self._here(self._cancel(refs))

    async def do_async(self, action: Action) -> Any:
        """From any loop."""
        match action:
            case Start(calls):
                return await bulk.start_many_async(calls)
            case Await(refs):
                return await from_any_loop(self._runtime, self._await(refs))
            case Ask(place, ref):
                return await from_any_loop(self._runtime, self._ask(place, ref))
            case Cancel(refs):
                await from_any_loop(self._runtime, self._cancel(refs))

    def close(self) -> None:
        """Nothing more is wanted. From any thread."""
        with contextlib.suppress(NoRunningEngine):  # it asks for nothing any more
            self._runtime.on_loop(self._ends.close)

    def _here(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return blocking(self._runtime, coroutine)

    async def _await(self, refs: dict[int, RunRef]) -> Ended:
        ended: asyncio.Future[None] = self._runtime.loop.create_future()
        self._ends.watch(refs, partial(release_timer, ended))
        await ended
        return self._ends.of(refs)

    async def _ask(self, place: int, ref: RunRef) -> Any:
        outcome = self._ends.take(place) or await ref.outcome()
        try:
            return await sealing.patiently(self._runtime, ref.unpack, outcome)
        except (CodecUnavailable, StoreUnavailable):
            raise  # not the run's failure
        except Exception as error:
            return Failed(_bare(error))

    async def _cancel(self, refs: Sequence[RunRef]) -> None:
        run_ids = [ref.run_id for ref in refs if ref.run_id is not None]
        if run_ids:
            await cancel.request(self._runtime, run_ids, cancel.FAN_OUT_FAILED, outside=True)


def _bare(error: Exception) -> Exception:
    """Without the frames it came through: they would be held as long as it is."""
    return error.with_traceback(None)


Hands = InWorkflow | Outside
