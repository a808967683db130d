"""Steps as users hold them: callables whose outcome is recorded once inside a workflow."""

from collections.abc import Coroutine, Iterable
from typing import Generic, ParamSpec, Protocol, TypeVar, Unpack, cast

from stepwell.core import call
from stepwell.core.define import check_once
from stepwell.core.definition import StepDefinition
from stepwell.core.futures import StepFuture
from stepwell.decorators.view import View, awaited
from stepwell.errors import UsageError
from stepwell.model.options import StepKeywords, StepOptions

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
U = TypeVar("U")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class _OfOneArgument(Protocol[T_contra, R_co]):
    """A step that can be mapped; in this form type checkers allow further parameters with defaults."""

    def __call__(self, item: T_contra, /) -> R_co: ...


class _StepView(View[StepDefinition, StepOptions], Generic[P, R]):
    """What both colours share."""

    __slots__ = ()

    @property
    def aio(self) -> "AsyncStep[P, R]":
        """The same step, always awaited; a `def` body runs on a worker thread.

        receipt = await charge.aio("o-1", 4200)
        """
        return AsyncStep(self._definition, self._options, self._receiver(), self._face(is_async=True))

    @property
    def sync(self) -> "Step[P, R]":
        """The same step, always blocking.

        page = fetch.sync(url)
        """
        return Step(self._definition, self._options, self._receiver(), self._face(is_async=False))

    def _merged(self, new: StepKeywords) -> StepOptions:
        self._receiver()
        options = self._options.merged(**new)
        check_once(self._definition.at_most_once, options.retry)
        return options


class Step(_StepView[P, R]):
    """A step that is called plainly: what `@step` makes of a `def` function.

        @step(retry=3)
        def charge(order_id: str, cents: int) -> str: ...

        receipt = charge("o-1", 4200)            # in a workflow: run at least once, recorded once
        futures = [charge.submit(o, 100) for o in orders]
        pages = fetch.map(urls)

    Raises what the function raises, after its retries. Outside any workflow it is a plain call.
    """

    __slots__ = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the recorded outcome, or run the body and record it."""
        result: R = call.call_step(self._definition, self._options, self._instance, args, kwargs)
        return result

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> StepFuture[R]:
        """Run the step on a worker thread; the future's `result()` is durable like a call's.

            a, b = charge.submit("o-1", 100), charge.submit("o-2", 200)
            return a.result(), b.result()

        Numbered here, at the call. Raises UsageError for an `async def` step: gather those instead.
        """
        if self._definition.is_async:
            raise UsageError(f"submit takes def steps: await {self._definition.name}, or asyncio.gather many")
        return call.submit_step(self._definition, self._options, self._receiver(), args, kwargs)

    def map(self: _OfOneArgument[T, U], items: Iterable[T]) -> list[U]:
        """Run the step once per item, concurrently; results in the order of the items.

            pages = fetch.map(urls)

        Raises the first exception in that order; each item's outcome is recorded by itself.
        """
        step = cast("Step[..., U]", self)
        return call.map_step(step._definition, step._options, step._receiver(), items)

    def options(self, **options: Unpack[StepKeywords]) -> "Step[P, R]":
        """The same step with another `name`, `retry` or `timeout` (of one attempt: seconds, timedelta).

            charge.options(retry=Retry(10, cap=300), timeout=30)("o-1", 4200)

        Raises InvalidArgument at once.
        """
        return Step(self._definition, self._merged(options), self._instance, self.__dict__)


@awaited
class AsyncStep(_StepView[P, R]):
    """A step that is awaited: what `@step` makes of an `async def` function.

        @step
        async def fetch(url: str) -> str: ...

        pages = await asyncio.gather(*(fetch(url) for url in urls))

    Numbered when it is called, not when it is awaited, so gathering replays as it ran.
    """

    __slots__ = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[object, None, R]:
        """Await the recorded outcome, or the body and its recording."""
        return call.call_step_async(self._definition, self._options, self._instance, args, kwargs)

    def map(
        self: _OfOneArgument[T, Coroutine[object, None, U]], items: Iterable[T]
    ) -> Coroutine[object, None, list[U]]:
        """Run the step once per item, concurrently; results in the order of the items.

            pages = await fetch.map(urls)

        Raises the first exception in that order; each item's outcome is recorded by itself.
        """
        step = cast("AsyncStep[..., U]", self)
        return call.map_step_async(step._definition, step._options, step._receiver(), items)

    def options(self, **options: Unpack[StepKeywords]) -> "AsyncStep[P, R]":
        """The same step with another `name`, `retry` or `timeout` (of one attempt: seconds, timedelta).

            await fetch.options(timeout=5)(url)

        Raises InvalidArgument at once.
        """
        return AsyncStep(self._definition, self._merged(options), self._instance, self.__dict__)
