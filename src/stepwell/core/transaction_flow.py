"""One transaction of a user, attempt after attempt: the same rules for threads and for the loop.

In the engine's own database the body's writes and the fenced checkpoint commit together. In another one an outcome row
commits with them, after a look whether the run is still ours; the checkpoint follows. What an attempt may end in:

- the outcome is committed, or was by an attempt whose answer got lost;
- the body failed: rolled back, and that is the outcome;
- contention, or trouble with the database or the codec: rolled back, and the body runs again;
- the run is lost: rolled back, nothing happened.

The flow is a coroutine that does not know where it runs: `Hands` wait for it, on the loop or by blocking a thread.
"""

import logging
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from stepwell.core import sealing
from stepwell.core import transaction_ends as ends
from stepwell.core.faults import backoff
from stepwell.core.sources import Place
from stepwell.core.transaction_values import CONTENTION, Again, Call, Ending, Hands
from stepwell.core.unwind import Fate, Unwound
from stepwell.errors import ConfigurationError, NoRunningEngine, StepTimeout, UnreadablePayload
from stepwell.model.rows import Checkpoint
from stepwell.model.transactions import DEFAULT_ISOLATION, Mode
from stepwell.serde.codec import CodecFault
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.transactions import Dialect, Hold, code_of

log = logging.getLogger("stepwell.transactions")

_IDLE = "25P03"  # the server has ended a transaction that stood still


@dataclass(slots=True)
class Flow:
    """Carries out one call."""

    call: Call
    hands: Hands
    place: Place = field(init=False)
    dialect: Dialect = field(init=False)
    #: An attempt before this one may have committed.
    look: bool = field(init=False)
    contended: int = 0
    troubled: int = 0
    unsealed: int = 0
    #: Its connection has been given back before the end of its attempt.
    given_up: Hold | None = None
    #: The server has refused the commit, but whether it was refused before it took effect is to be looked up.
    refused: Exception | None = None

    def __post_init__(self) -> None:
        execution = self.call.execution
        self.place = execution.runtime.sources.place(self.call.definition.source)
        self.dialect = self.place.dialect(execution.runtime)
        self.look = execution.epoch > 1

    async def run(self) -> Ending:
        """The transaction's end, however many attempts it takes."""
        while True:
            await self.hands.ready()
            try:
                return await self._attempt()
            except Again as again:
                await self.hands.pause(again.delay)

    async def _attempt(self) -> Ending:
        execution, d = self.call.execution, self.call.definition
        runtime = execution.runtime
        # The mark goes with its transaction: nobody else's is like it on the same connection.
        token = f"{execution.run_id.hex}{self.call.key[1]}"
        mode = Mode(d.isolation or DEFAULT_ISOLATION, d.read_only, runtime.settings.lease * 2 / 3, token)
        try:
            if self.place.is_home is None and not d.read_only:
                await ends.explore(self)
            self.dialect = self.place.dialect(runtime)  # what has been found out may say so
            if self.place.is_home and self.dialect.is_sqlite:
                await self.hands.stand_back()
                try:
                    return await self._hold(mode)
                finally:
                    await self.hands.come_back()
            return await self._hold(mode)
        except ConfigurationError as error:
            return Ending(error=error)

    async def _hold(self, mode: Mode) -> Ending:
        hold = await self.begin(mode)
        usable = False
        try:
            ending = await self._within(hold, mode)
            usable = not hold.lost
            return ending
        finally:
            if self.given_up is not hold:
                self.dialect.unmark(hold, mode)
                await hold.end(usable)

    async def give_up(self, hold: Hold, usable: bool) -> None:
        """What has not been committed is rolled back now; by the end of the connection, if it is not `usable`."""
        self.given_up = hold
        await hold.end(usable)

    async def begin(self, mode: Mode) -> Hold:
        d = self.call.definition
        try:
            hold = await self.place.lending.hold(d.kind, d.connection_class)
        except NoRunningEngine:
            self.call.execution.unwind(Fate.RELEASED, "its process shut down")
            raise Unwound from None
        except ConfigurationError:
            raise
        except Exception as error:
            raise self.trouble(error) from error
        try:
            await self.hands.touch("transaction_begin", hold, lambda: hold.begin(self.dialect, mode))
        except Exception as error:
            await hold.end(usable=False)
            raise self.trouble(error) from error
        except BaseException:
            await hold.end(usable=False)
            raise
        self._calm()
        return hold

    async def _within(self, hold: Hold, mode: Mode) -> Ending:
        """From BEGIN to COMMIT."""
        home = self.place.is_home is True
        if self.look and not home and not mode.read_only:
            found = await ends.found(self, hold)
            if found is not None:
                return found
        if self.refused is not None:
            return Ending(error=self.refused)
        execution, runtime = self.call.execution, self.call.execution.runtime
        if execution.fate is not None:
            raise Unwound
        if runtime.env.alive() > runtime.fence_until:  # BEGIN took long, and no body begins without a certain lease
            raise Again(0.0)
        ending = await self._body(hold, mode, home)
        if ending.error is not None:
            return ending
        if mode.read_only:
            return await ends.commit_reading(self, hold, mode, ending)
        return await (ends.commit_home if home else ends.commit_elsewhere)(self, hold, mode, ending)

    # -- the body ------------------------------------------------------------------------------------------------
    async def _body(self, hold: Hold, mode: Mode, home: bool) -> Ending:
        call, env = self.call, self.call.execution.runtime.env
        call.attempt += 1
        began = env.monotonic()
        try:
            value = await self.hands.body(hold, home and self.dialect.is_sqlite)
            await hold.settle()
            text, codec_id = call.coder.encode(value)
        except CodecFault as fault:
            raise self._unsealed(fault) from fault
        except Exception as error:
            if call.execution.fate is not None:
                raise Unwound from error
            return self.judge(hold, mode, error, began)
        if self.unsealed:
            call.execution.runtime.codec.worked()
        return Ending(value, None, text, codec_id, env.monotonic() - began)

    def judge(self, hold: Hold, mode: Mode, error: Exception, began: float) -> Ending:
        """The failure, if it is the body's. Raises Again if it is the database's."""
        code = code_of(error)
        kind = self.dialect.kind_of(code) if code else None
        elapsed = self.call.execution.runtime.env.monotonic() - began
        if isinstance(error, StoreFault):
            raise self.trouble(error) from error
        if code == _IDLE and self._was_awake(began):
            late = StepTimeout(
                f"{self.who()}: its transaction stood still for more than {mode.idle:g} s, and the server ended it. "
                f"Do what "
                "takes long before the transaction, or in a step of its own"
            )
            late.__cause__ = error
            return Ending(error=late, elapsed=elapsed)
        if code in CONTENTION or (self.dialect.is_sqlite and kind is FaultKind.CONTENTION):
            again = self._contention(error)
            if again is not None:
                raise again from error
        elif hold.lost or (kind is not None and self._is_trouble(kind, code, mode)):
            raise self.trouble(error) from error
        return Ending(error=error, elapsed=elapsed)

    def _is_trouble(self, kind: FaultKind, code: str, mode: Mode) -> bool:
        if kind is FaultKind.CONNECTION:
            return not (code == "25006" and mode.read_only)  # the body wrote although it said that it would not
        return self.dialect.is_sqlite and kind is FaultKind.ENVIRONMENT and not mode.read_only

    def _was_awake(self, since: float) -> bool:
        """This process was not stopped meanwhile: its heartbeats came through without a gap."""
        runtime = self.call.execution.runtime
        return runtime.steady_since <= since and runtime.beats_steadily(runtime.env.monotonic())

    # -- small things --------------------------------------------------------------------------------------------
    def row(self, ending: Ending, pos: int) -> Checkpoint:
        call = self.call
        return Checkpoint(
            call.execution.run_id,
            call.execution.epoch,
            call.key[0],
            call.key[1],
            call.name,
            "transaction",
            "ok",
            ending.text,
            None,
            call.mark,
            pos,
            ending.elapsed,
            call.attempt,
            None,
            ending.codec_id,
        )

    async def decoded(self, text: str | None, codec_id: str | None) -> Any:
        """The value of an outcome that is committed already."""
        execution = self.call.execution
        for attempt in count():
            try:
                value = None if text is None else self.call.coder.decode(text, codec_id)
            except UnreadablePayload as error:
                execution.mismatch(self.call.key, f"the result of {self.call.name!r} cannot be read: {error}")
                raise Unwound from error
            except CodecFault as fault:
                if attempt >= sealing.READ_TRIES:
                    sealing.give_up(execution, fault)
                execution.runtime.codec.failed(fault)
                await self.hands.pause(sealing.backoff(execution.runtime, attempt))
            else:
                if attempt:
                    execution.runtime.codec.worked()
                return value
        raise AssertionError("there is always another attempt")

    def _unsealed(self, fault: CodecFault) -> Again:
        """Another attempt, without limit: nothing is kept open while the codec fails, so the body runs again."""
        runtime = self.call.execution.runtime
        runtime.codec.failed(fault)
        self.unsealed += 1
        return Again(sealing.backoff(runtime, self.unsealed - 1))

    def _contention(self, error: Exception) -> Again | None:
        """Another attempt, as `Retry` says; None: there were enough."""
        retry = self.call.options.retry
        self.contended += 1
        if retry is None or self.contended > retry.retries or not retry.accepts(error):
            return None
        return Again(retry.delay(self.contended, self.call.execution.runtime.env.random()))

    def trouble(self, error: Exception | None) -> Again:
        """Another attempt, without limit: the database, not the body, is at fault."""
        if error is not None and not self.place.troubled and not isinstance(error, Again):
            self.place.troubled = True
            log.warning(
                "%s: trouble with its database (%s: %s); the body runs again", self.who(), type(error).__name__, error
            )
        self.troubled += 1
        return Again(backoff(self.troubled - 1, self.call.execution.runtime.env.random(), FaultKind.CONNECTION))

    def _calm(self) -> None:
        if self.place.troubled:
            self.place.troubled = False
            log.warning("the database of %s answers again", self.call.name)

    def who(self) -> str:
        return f"workflow {self.call.execution.workflow_id!r}, transaction {self.call.name!r}"
