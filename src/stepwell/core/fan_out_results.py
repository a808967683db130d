"""The results of a fan-out, as those who called `map` iterate over them."""

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Any

from stepwell.core import fan_out
from stepwell.core.context import Branch
from stepwell.core.definition import BoundCall, WorkflowDefinition
from stepwell.core.fan_out import Action, Give, Policy, Start
from stepwell.core.fan_out_hands import Hands, InWorkflow
from stepwell.core.verbs import recorded_in
from stepwell.errors import InvalidArgument, UsageError
from stepwell.model.options import CallOptions


def calls_of(
    d: WorkflowDefinition, o: CallOptions, instance: object | None, items: Iterable[Any]
) -> Iterator[BoundCall[Any]]:
    """A call for each item, made when it is asked for. Options of a bound call win over `o`."""
    defaults = d.default_options
    for item in items:
        if not isinstance(item, BoundCall):
            yield BoundCall(d, o, instance, (item,), {})
            continue
        if item.definition is not d:
            raise InvalidArgument(
                f"map of {d.name} cannot start {item.definition.name}: bind the calls with the same function"
            )
        options = o if item.options is defaults else item.options.over(o, defaults)
        if options.conn is not None or (options.engine is not None and options.engine is not o.engine):
            raise InvalidArgument(f"map of {d.name}: conn= and engine= are not for single items")
        yield BoundCall(d, options, item.instance, item.args, item.kwargs)


class _Course:
    """A plan under way: which action is next, and what came of the last one.

    An action that is interrupted is not over: whoever iterates again takes it up again.
    """

    def __init__(self, calls: Iterator[BoundCall[Any]], policy: Policy, hands: Hands) -> None:
        self.hands = hands
        self._calls = calls
        self._policy = policy
        self._plan: Generator[Action, Any, None] | None = None
        self._resume: Callable[[], Action] | None = None
        self._pending: Action | None = None
        self._half_started = False
        self._busy = False

    def begin(self) -> None:
        """Somebody wants the next result; followed by `end`. Raises UsageError."""
        self.hands.check()
        if self._busy:
            raise UsageError("the results of a map() are asked for twice at the same time")
        if self._half_started:
            raise UsageError("this map() was interrupted while it started runs, and cannot go on")
        self._busy = True

    def end(self) -> None:
        """Somebody has got it, or an exception."""
        self._busy = False

    def action(self) -> Action | None:
        """What is to be done; None: all is. Raises what the plan raises."""
        if self._pending is None:
            if self._plan is None:
                self._plan = fan_out.plan(self._calls, self._as_recorded())
                self._resume = self._plan.__next__
            try:
                self._pending = None if self._resume is None else self._resume()
            except StopIteration:
                self.over()
            except Exception:
                self.over()
                raise
        return self._pending

    def answer(self, answer: Any) -> None:
        """It is done."""
        plan = self._plan
        assert plan is not None
        self._pending = None
        self._resume = lambda: plan.send(answer)

    def failed(self, error: BaseException) -> None:
        """It could not be done: a start's refusal is the plan's, anything else whoever iterates sees."""
        plan, pending = self._plan, self._pending
        assert plan is not None
        if not isinstance(pending, Start):
            raise error
        if not isinstance(error, Exception):
            self._half_started = True
            raise error
        self._pending = None
        self._resume = lambda: plan.throw(error)

    def over(self) -> None:
        """There is no more."""
        self._resume = None
        self.hands.close()

    def _as_recorded(self) -> Policy:
        """What decides which operation is next, a replay takes from the record: the code may say otherwise by now."""
        policy = self._policy
        if not isinstance(self.hands, InWorkflow):
            return policy
        ours = {"concurrency": policy.concurrency, "ordered": policy.ordered}
        recorded = recorded_in(self.hands.branch, "map", lambda _: ours)
        return Policy(recorded["concurrency"], policy.tolerate, recorded["ordered"], policy.total)


class Results(Iterator[Any]):
    """What `fn.map(...)` gives: the results, one after the other, of runs that are started meanwhile."""

    def __init__(
        self, calls: Iterator[BoundCall[Any]], policy: Policy, hands: Hands, refuse: Callable[[], None]
    ) -> None:
        self._course = _Course(calls, policy, hands)
        self._refuse = refuse

    def __next__(self) -> Any:
        course = self._course
        self._refuse()
        course.begin()
        try:
            while (action := course.action()) is not None:
                if isinstance(action, Give):
                    course.answer(None)
                    return action.value
                try:
                    answer = course.hands.do(action)
                except BaseException as error:
                    course.failed(error)
                else:
                    course.answer(answer)
        finally:
            course.end()
        raise StopIteration

    def __del__(self) -> None:
        self._course.hands.close()


class AsyncResults(AsyncIterator[Any]):
    """The same, for `async for`."""

    def __init__(self, calls: Iterator[BoundCall[Any]], policy: Policy, hands: Hands) -> None:
        self._course = _Course(calls, policy, hands)

    async def __anext__(self) -> Any:
        course = self._course
        course.begin()
        try:
            while (action := course.action()) is not None:
                if isinstance(action, Give):
                    course.answer(None)
                    return action.value
                try:
                    answer = await course.hands.do_async(action)
                except BaseException as error:
                    course.failed(error)
                else:
                    course.answer(answer)
        finally:
            course.end()
        raise StopAsyncIteration

    def __del__(self) -> None:
        self._course.hands.close()


def branch_of_map(branch: Branch) -> Branch:
    """The operations of a map are numbered by themselves: what is done between two results shifts none of them."""
    return branch.child_alike("map")
