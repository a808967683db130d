"""`saga()`: a block of workflow code whose work is undone, in reverse, if the block does not get to its end.

What undoes is pushed while the block runs, and called as steps when an exception or a cancellation leaves it: recorded
and numbered like all others, so a replay undoes the same, and a crash within goes on where it was. What ends an
execution without an outcome (parking, a lost lease, a shutdown) is no failure and passes through.
"""

import asyncio
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, NamedTuple, ParamSpec, TypeVar

from stepwell.core.call import call_step, call_step_async
from stepwell.core.context import Branch, frame
from stepwell.core.define import define_step
from stepwell.core.definition import Definition, StepDefinition
from stepwell.core.execution import Execution
from stepwell.core.unwind import Unwound
from stepwell.core.verbs import branch_here
from stepwell.errors import AsyncMismatch, Parked, UsageError
from stepwell.model.options import StepOptions
from stepwell.model.retry import Retry

P = ParamSpec("P")
S = TypeVar("S", bound="_Compensations")

#: For what undoes and has no retries of its own: given up after half a minute, within `cancel_grace`.
UNDO_RETRY = Retry(5)

#: With these the process leaves, not the run.
_LEAVING = (Parked, KeyboardInterrupt, SystemExit, GeneratorExit)


class _Compensation(NamedTuple):
    name: str
    call: Callable[[], Any]


class _Compensations:
    """What both colours share."""

    __slots__ = ("_errors", "_execution", "_is_open", "_outer", "_stack")

    _is_async: bool

    def __init__(self) -> None:
        self._execution: Execution | None = None
        self._outer: _Compensations | None = None
        self._is_open = False
        self._stack: list[_Compensation] = []
        self._errors: list[tuple[str, BaseException]] = []

    def push(self, fn: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Undo what comes or came by calling `fn(*args, **kwargs)`; the last one pushed is called first.

            receipt = charge(order)
            s.push(refund, receipt)

        `fn` is a step, a transaction or a workflow, in the colour in which it would be called here, or a function
        that has a name. A step without retries of its own gets `Retry(5)`. Nothing is called now, but what could not
        be called is refused now: AsyncMismatch for the wrong colour, TypeError for arguments that do not fit,
        UsageError for what has no name, within a step, and outside the block.
        """
        here = frame.get()
        if not self._is_open or here is None or here.execution is not self._execution or not isinstance(here, Branch):
            raise UsageError("push() belongs into the saga's own block, and not into a step: a replay runs no bodies")
        name, call = _step_of(fn, self._is_async)
        _check_arguments(fn, name, args, kwargs)
        self._stack.append(_Compensation(name, lambda: call(*args, **kwargs)))

    def dismiss(self) -> None:
        """Keep what has been done so far: everything pushed is forgotten."""
        self._stack.clear()

    @property
    def errors(self) -> tuple[tuple[str, BaseException], ...]:
        """(name, exception) of what could not be undone, in the order in which it was tried. Empty: all was undone."""
        return tuple(self._errors)

    def _enter(self) -> None:
        branch = branch_here("saga")
        if branch.execution.definition.is_async is not self._is_async:
            right = "with stepwell.saga()" if self._is_async else "async with stepwell.aio.saga()"
            raise AsyncMismatch(f"{branch.execution.definition.name} is {_colour(not self._is_async)}: use `{right}`")
        if self._execution is not None:
            raise UsageError("a saga is used once: make another one for another block")
        self._execution = branch.execution
        self._outer = _innermost.get()
        self._is_open = True
        _innermost.set(self)

    def _must_undo(self, error: BaseException | None) -> bool:
        """The block is left. If all went well, an enclosing saga of the same run takes over what was pushed."""
        assert self._execution is not None
        self._is_open = False
        _innermost.set(self._outer)
        if error is None:
            if self._outer is not None and self._outer._execution is self._execution:
                self._outer._stack += self._stack
            return False
        return not isinstance(error, _LEAVING) and self._execution.fate is None

    def _failed(self, each: _Compensation, error: BaseException, was_live: bool) -> None:
        execution = self._execution
        assert execution is not None
        if execution.fate is not None:
            raise Unwound from error
        self._errors.append((each.name, error))
        if was_live:
            execution.runtime.log.warning(
                "workflow %r (%s): %r could not be undone: %s",
                execution.workflow_id,
                execution.definition.name,
                each.name,
                type(error).__name__,
            )

    def _leave(self, error: BaseException, interruption: BaseException | None) -> None:
        """Say on the exception that leaves what could not be undone. A cancellation that came meanwhile was not
        swallowed: it leaves in its place."""
        for name, failure in self._errors:
            error.add_note(f"saga: {name!r} failed to undo: {type(failure).__name__}: {failure}")
        if interruption is not None and not isinstance(error, type(interruption)):
            raise interruption


#: The saga whose block is running in this context.
_innermost: ContextVar[_Compensations | None] = ContextVar("stepwell_saga", default=None)


class Saga(_Compensations):
    """What `stepwell.saga()` makes: for `def` workflows, `with`."""

    __slots__ = ()

    _is_async = False

    def __enter__(self: S) -> S:
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._must_undo(error):
            return
        assert self._execution is not None
        # A timeout() block around has ended the work; what undoes it has no part in that.
        limits, self._execution.limits = self._execution.limits, []
        try:
            interruption = self._undo(self._execution)
        finally:
            self._execution.limits = limits
        assert error is not None
        self._leave(error, interruption)

    def _undo(self, execution: Execution) -> BaseException | None:
        interruption: BaseException | None = None
        while self._stack:
            each = self._stack.pop()
            was_live, delivered = execution.history is None, execution.cancel_delivered
            try:
                each.call()
            except asyncio.CancelledError as cancelled:
                if execution.cancel_delivered and not delivered:
                    interruption = cancelled
                    self._stack.append(each)  # it came before this one could begin
                else:
                    self._failed(each, cancelled, was_live)
            except Exception as error:
                self._failed(each, error, was_live)
        return interruption


class AsyncSaga(_Compensations):
    """What `stepwell.aio.saga()` makes: for `async def` workflows, `async with`."""

    __slots__ = ()

    _is_async = True

    async def __aenter__(self: S) -> S:
        self._enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._must_undo(error):
            return
        assert self._execution is not None
        assert error is not None
        self._leave(error, await self._undo(self._execution))

    async def _undo(self, execution: Execution) -> BaseException | None:
        interruption: BaseException | None = None
        task = asyncio.current_task()
        assert task is not None
        while self._stack:
            each = self._stack.pop()
            was_live, asked = execution.history is None, task.cancelling()
            try:
                await each.call()
            except asyncio.CancelledError as cancelled:
                if task.cancelling() > asked and execution.fate is None:
                    if interruption is None or not isinstance(interruption, type(cancelled)):
                        interruption = cancelled
                    self._stack.append(each)  # its body may have been interrupted: once more
                else:
                    self._failed(each, cancelled, was_live)
            except Exception as error:
                self._failed(each, error, was_live)
        return interruption


# -- what was pushed, as a step ------------------------------------------------------------------------------


def _step_of(fn: Any, is_async: bool) -> tuple[str, Callable[..., Any]]:
    """Its name, and what to call. Raises AsyncMismatch, UsageError."""
    definition = getattr(fn, "definition", None)
    if not isinstance(definition, Definition):
        return _step_of_function(fn, is_async)
    if fn.is_awaited is not is_async:
        raise AsyncMismatch(
            f"{definition.name} is {_colour(fn.is_awaited)} here, and the saga {_colour(is_async)}: "
            f"push {definition.origin.short_name}{'.aio' if is_async else '.sync'}"
        )
    if type(definition) is StepDefinition and not definition.at_most_once and fn.bound_options.retry is None:
        fn = fn.options(retry=UNDO_RETRY)
    return getattr(fn.bound_options, "name", definition.name), fn


def _step_of_function(fn: Any, is_async: bool) -> tuple[str, Callable[..., Any]]:
    """A plain function: recorded under its own name, and what it returns is not."""
    qualname: object = getattr(fn, "__qualname__", None)
    if not callable(fn) or isinstance(fn, type) or not isinstance(qualname, str) or qualname.endswith("<lambda>"):
        raise UsageError(f"push() takes a step or a function that has a name, not {fn!r}: it is recorded under that")
    name = qualname.rpartition("<locals>.")[2]
    if inspect.iscoroutinefunction(fn):
        if not is_async:
            raise AsyncMismatch(f"{name} is async and the saga is not: push a def function, or make the workflow async")

        async def undo_async(*args: Any, **kwargs: Any) -> None:
            await fn(*args, **kwargs)

        d = define_step(undo_async, name=name)
    else:

        def undo(*args: Any, **kwargs: Any) -> None:
            fn(*args, **kwargs)

        d = define_step(undo, name=name)
    options = StepOptions(d.name, UNDO_RETRY)
    call = call_step_async if is_async else call_step
    return d.name, lambda *args, **kwargs: call(d, options, None, args, kwargs)


def _check_arguments(fn: Callable[..., object], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        signature = inspect.signature(fn)
    except ValueError:  # a few builtins have none
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None


def _colour(is_async: bool) -> str:
    return "async" if is_async else "blocking"
