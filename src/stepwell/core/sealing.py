"""A codec that fails (its key server is down) is infrastructure, like a database that does not answer.

What must be recorded waits, for as long as it takes: the body has run, and does not run again. What is recorded and
cannot be read is tried a few times; then the run is BLOCKED with the reason, and every sweep tries it again. Calls from
outside a workflow end in CodecUnavailable after `call_patience`. It is never an outcome.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from stepwell.core.inbox import Slot
from stepwell.core.recall import Reader, encode_failure, recall
from stepwell.core.unwind import Fate, Unwound
from stepwell.errors import CodecUnavailable
from stepwell.model.rows import Recorded
from stepwell.serde.codec import CodecFault
from stepwell.serde.serializer import Serializer

if TYPE_CHECKING:
    from stepwell.core.execution import Execution
    from stepwell.core.runtime import Runtime

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger("stepwell.codec")

#: How often what is recorded is read once more: about three seconds in all.
READ_TRIES = 5

_FIRST_SECONDS = 0.1
_CAP_SECONDS = 5.0

#: A count of durable rows that is never reached: what waits for it waits for its own timer, or for a fate.
_NEVER = 2**62


class CodecHealth:
    """What the engine thinks of its codec: feeds `health()` and the log, one line per change."""

    def __init__(self) -> None:
        self.fault: CodecFault | None = None

    def failed(self, fault: CodecFault) -> None:
        """It raised."""
        if self.fault is None:
            log.warning("%s; trying again, no run is lost", fault, exc_info=fault.__cause__)
        self.fault = fault

    def worked(self) -> None:
        """What had failed went through."""
        if self.fault is not None:
            self.fault = None
            log.warning("the codec works again")


def backoff(runtime: "Runtime", attempt: int) -> float:
    """Seconds until the next try: doubling from 0.1, jittered, capped at 5."""
    return float(min(_CAP_SECONDS, _FIRST_SECONDS * 2.0 ** min(attempt, 12)) * (0.5 + runtime.env.random()))


class Payload:
    """A value on its way into a row: what is too large is refused now; a codec that fails now is asked again later."""

    __slots__ = ("_serializer", "_stored", "_text", "_what")

    def __init__(self, serializer: Serializer, text: str, what: str) -> None:
        self._serializer = serializer
        self._text = text
        self._what = what
        self._stored: tuple[str, str | None] | None = None
        with contextlib.suppress(CodecFault):
            self.stored()

    def stored(self) -> tuple[str, str | None]:
        """What is stored, and the codec's id. Raises PayloadTooLarge, CodecFault."""
        if self._stored is None:
            self._stored = self._serializer.wrap(self._text, self._what)
        return self._stored


# -- from outside a workflow ---------------------------------------------------------------------------------


async def patiently(runtime: "Runtime", call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call something that encodes or decodes. Raises CodecUnavailable after `call_patience`."""
    begun, attempt = runtime.env.monotonic(), 0
    while True:
        try:
            value = call(*args, **kwargs)
        except CodecFault as fault:
            runtime.codec.failed(fault)
            patience = runtime.settings.call_patience
            if runtime.env.monotonic() - begun > patience:
                raise CodecUnavailable(
                    f"{fault}, and went on for {patience:g} s (Settings.call_patience). Nothing is lost; try again "
                    "when it works"
                ) from fault.__cause__
            await asyncio.sleep(backoff(runtime, attempt))
            attempt += 1
        else:
            runtime.codec.worked()
            return value


# -- in an execution -----------------------------------------------------------------------------------------


def _may_try_again(execution: "Execution", fault: CodecFault, attempt: int) -> None:
    execution.runtime.codec.failed(fault)
    if fault.reading and attempt >= READ_TRIES:
        give_up(execution, fault)


def give_up(execution: "Execution", fault: CodecFault) -> None:
    """BLOCKED; the next sweep lets it try again. Raises Unwound."""
    execution.runtime.codec.failed(fault)
    execution.unwind(Fate.UNREAD, f"{fault}; every sweep tries it again")
    raise Unwound


async def pause(execution: "Execution", fault: CodecFault, attempt: int) -> None:
    """Wait before another try. Raises Unwound when the execution has a fate, or gets one, this one included."""
    _may_try_again(execution, fault, attempt)
    runtime = execution.runtime
    future: asyncio.Future[None] = runtime.loop.create_future()
    with execution.lock:
        if execution.fate is not None:
            raise Unwound
        execution.waiters.append((_NEVER, future))
    timer = runtime.loop.call_later(backoff(runtime, attempt), _over, future, context=runtime.context)
    try:
        await future
    finally:
        timer.cancel()
        _forget(execution, future)


def _over(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def pause_in_thread(execution: "Execution", fault: CodecFault, attempt: int) -> None:
    """The same on a thread of a def workflow."""
    _may_try_again(execution, fault, attempt)
    runtime = execution.runtime
    slot = Slot()
    with execution.lock:
        if execution.fate is not None:
            raise Unwound
        execution.waiters.append((_NEVER, slot))
    runtime.on_loop(_arm, runtime, backoff(runtime, attempt), slot)
    try:
        slot.result()
    finally:
        _forget(execution, slot)


def _arm(runtime: "Runtime", seconds: float, slot: Slot) -> None:
    runtime.loop.call_later(seconds, slot.resolve, context=runtime.context)


def _forget(execution: "Execution", waiter: Any) -> None:
    with execution.lock:
        execution.waiters = [pair for pair in execution.waiters if pair[1] is not waiter]


async def again(
    execution: "Execution", fault: CodecFault, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Repeat a call that the codec has failed."""
    attempt = 0
    while True:
        await pause(execution, fault, attempt)
        try:
            value = call(*args, **kwargs)
        except CodecFault as found:
            fault = found
            attempt += 1
        else:
            execution.runtime.codec.worked()
            return value


def again_in_thread(
    execution: "Execution", fault: CodecFault, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """The same on a thread of a def workflow."""
    attempt = 0
    while True:
        pause_in_thread(execution, fault, attempt)
        try:
            value = call(*args, **kwargs)
        except CodecFault as found:
            fault = found
            attempt += 1
        else:
            execution.runtime.codec.worked()
            return value


async def recall_again(execution: "Execution", fault: CodecFault, row: Recorded, coder: Reader) -> Any:
    """Return or raise a recorded outcome that the codec could not read; nothing else is delivered meanwhile."""
    turnstile = execution.turnstile()
    turnstile.hold()
    try:
        return await again(execution, fault, recall, execution, row, coder)
    finally:
        turnstile.release()


async def failure_text(execution: "Execution", error: BaseException) -> tuple[str, str | None]:
    """The text under which a failure is recorded."""
    try:
        return encode_failure(execution, error)
    except CodecFault as fault:
        return await again(execution, fault, encode_failure, execution, error)


def failure_text_in_thread(execution: "Execution", error: BaseException) -> tuple[str, str | None]:
    """The same on a thread of a def workflow."""
    try:
        return encode_failure(execution, error)
    except CodecFault as fault:
        return again_in_thread(execution, fault, encode_failure, execution, error)


def hint_of_failure(execution: "Execution", error: BaseException) -> str | None:
    """What is told about an attempt that failed: nothing while the codec fails."""
    try:
        return encode_failure(execution, error)[0]
    except CodecFault:
        return None
