"""How an attempt at a user's transaction ends: committed, found committed, refused, or to be done again."""

import logging
from typing import TYPE_CHECKING

from stepwell.core.transaction_values import CONTENTION, Again, Ending
from stepwell.core.unwind import Unwound
from stepwell.errors import ConfigurationError, TransactionMisuse
from stepwell.model.rows import Checkpoint
from stepwell.model.transactions import DEFAULT_ISOLATION, Mode
from stepwell.store.transactions import Hold, code_of

if TYPE_CHECKING:
    from stepwell.core.transaction_flow import Flow

log = logging.getLogger("stepwell.transactions")


async def commit_reading(flow: "Flow", hold: Hold, mode: Mode, ending: Ending) -> Ending:
    """Nothing was written: the outcome goes through the journal."""
    try:
        await flow.hands.touch("transaction_commit", hold, hold.commit)
    except Exception as error:
        return flow.judge(hold, mode, error, flow.call.execution.runtime.env.monotonic())
    return ending


async def commit_home(flow: "Flow", hold: Hold, mode: Mode, ending: Ending) -> Ending:
    pos = await flow.hands.permit(draws=True)
    row = flow.row(ending, pos)
    try:
        return await flow.hands.undisturbed(lambda: _record_and_commit(flow, hold, mode, ending, row))
    except BaseException:
        flow.hands.repent()
        raise


async def _record_and_commit(flow: "Flow", hold: Hold, mode: Mode, ending: Ending, row: Checkpoint) -> Ending:
    dialect, began = flow.dialect, flow.call.execution.runtime.env.monotonic()
    try:
        written = await flow.hands.touch("transaction_commit", hold, lambda: dialect.conclude(hold, row, mode))
    except TransactionMisuse as error:
        return _unless_recorded(flow, flow.judge(hold, mode, error, began))
    except Exception as error:
        _say(flow, error)
        return await _explained(flow, hold, _verdict(flow, hold, mode, error, began), _has_rolled_back(hold, error))
    if not written:
        return await _explained(flow, hold, flow.trouble(None), True)
    ending.recorded = True
    return ending


def _unless_recorded(flow: "Flow", ending: Ending) -> Ending:
    """A failure is recorded like any other outcome, and can be interrupted again."""
    flow.hands.repent()
    return ending


def _has_rolled_back(hold: Hold, error: Exception) -> bool:
    """The server said so: the connection is of use again."""
    return code_of(error) in CONTENTION and not hold.lost


async def _explained(flow: "Flow", hold: Hold, otherwise: Ending | Again, usable: bool) -> Ending:
    """No checkpoint was written, or nobody knows whether the commit took effect: look. `otherwise`: what it means if it
    did not."""
    execution = flow.call.execution
    await flow.give_up(hold, usable)
    standing = await flow.hands.ask(execution.runtime.store.standing, execution.run_id, execution.epoch, *flow.call.key)
    recorded = standing.recorded
    if recorded is not None and (standing.owned or recorded.epoch == execution.epoch):
        return Ending(await flow.decoded(recorded.output, recorded.codec_id), recorded=True)
    if not standing.owned:
        execution.lost()
        raise Unwound
    if isinstance(otherwise, Again):
        raise otherwise
    return _unless_recorded(flow, otherwise)


def _verdict(flow: "Flow", hold: Hold, mode: Mode, error: Exception, began: float) -> Ending | Again:
    """What a failed COMMIT means if it had no effect."""
    try:
        return flow.judge(hold, mode, error, began)
    except Again as again:
        return again


async def commit_elsewhere(flow: "Flow", hold: Hold, mode: Mode, ending: Ending) -> Ending:
    await flow.hands.permit(draws=False)
    try:
        return await flow.hands.undisturbed(lambda: _write_and_commit(flow, hold, mode, ending))
    except BaseException:
        flow.hands.repent()
        raise


async def _write_and_commit(flow: "Flow", hold: Hold, mode: Mode, ending: Ending) -> Ending:
    execution, dialect = flow.call.execution, flow.dialect
    began = execution.runtime.env.monotonic()
    row = flow.row(ending, 0)
    try:
        written = await flow.hands.touch("transaction_record", hold, lambda: dialect.write(hold, row, mode))
    except Exception as error:
        return _unless_recorded(flow, flow.judge(hold, mode, error, began))
    if not written:  # an older attempt was faster, and its answer got lost
        flow.look = True
        raise flow.trouble(None)
    if not await flow.hands.ask(execution.runtime.store.owns, execution.run_id, execution.epoch):
        execution.lost()
        raise Unwound
    try:
        await flow.hands.touch("transaction_commit", hold, hold.commit)
    except Exception as error:
        _say(flow, error)
        flow.look = True
        verdict = _verdict(flow, hold, mode, error, execution.runtime.env.monotonic())
        if isinstance(verdict, Again):
            raise verdict from error
        flow.refused = verdict.error  # unless the next attempt finds that it took effect
        raise Again(0.0) from error
    return ending


async def found(flow: "Flow", hold: Hold) -> Ending | None:
    """The outcome that an earlier attempt has left in this database."""
    call, execution = flow.call, flow.call.execution
    dialect = flow.dialect
    place = execution.run_id, *call.key
    try:
        row = await flow.hands.touch("transaction_look", hold, lambda: dialect.found(hold, *place))
    except Exception as error:
        raise flow.trouble(error) from error
    if row is None:
        return None
    standing = await flow.hands.ask(execution.runtime.store.standing, execution.run_id, execution.epoch, *call.key)
    if row.epoch <= standing.rewound:  # somebody has gone back to before it
        await dialect.forget(hold, *place)
        return None
    if row.name != call.name:
        execution.mismatch(call.key, f"the code calls {call.name!r} where the transaction {row.name!r} has committed")
        raise Unwound
    return Ending(await flow.decoded(row.output, row.codec_id), None, row.output, row.codec_id)


async def explore(flow: "Flow") -> None:
    """Find out whether this is the engine's own database; if not, have the table of outcomes there."""
    execution, place = flow.call.execution, flow.place
    runtime = execution.runtime
    dialect, home = place.lending.dialect, runtime.store.dialect()
    mode = Mode(DEFAULT_ISOLATION, False, runtime.settings.lease * 2 / 3, runtime.env.uuid4().hex)
    hold = await flow.begin(mode)
    usable = False
    try:
        is_home = home.is_sqlite == dialect.is_sqlite and await home.is_home_of(hold, runtime.incarnation)
        if not is_home and not await dialect.prepare(hold, runtime.settings.migrate):
            raise ConfigurationError(
                f"{flow.who()}: its database has no table stepwell_transactions, and Settings.migrate is False. "
                f"Create it:\n"
                f"{dialect.outcome_table}"
            )
        await dialect.is_marked(hold, mode)
        await hold.commit()
        usable = True
        place.used = flow.call.definition.kind, flow.call.definition.connection_class
        place.is_home = is_home
    except ConfigurationError:
        raise
    except Exception as error:
        raise flow.trouble(error) from error
    finally:
        await hold.end(usable)


def _say(flow: "Flow", error: Exception) -> None:
    log.warning("%s: the commit failed (%s); looking whether it took effect", flow.who(), type(error).__name__)
