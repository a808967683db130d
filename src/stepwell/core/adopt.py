"""A claimed run becomes an execution here, or is given back with the reason why it cannot."""

import asyncio
from typing import TYPE_CHECKING

from stepwell.core.execution import Execution
from stepwell.core.registry import route
from stepwell.core.sealing import READ_TRIES, backoff
from stepwell.errors import StepwellError
from stepwell.model.rows import ENGINE_FORMAT, Claimed, Leave
from stepwell.model.status import Status
from stepwell.serde.codec import CodecFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


def adopt(runtime: "Runtime", run: Claimed) -> None:
    """Begin executing a claimed run. Never raises: one bad row does not hold back its batch."""
    try:
        execution = _execution(runtime, run)
    except CodecFault as fault:
        runtime.spawn(_adopt_later(runtime, run, fault))
    except Exception as error:
        runtime.spawn(_refused(runtime, run, error))
    else:
        runtime.begin(execution)


async def _refused(runtime: "Runtime", run: Claimed, error: Exception) -> None:
    runtime.log.error("workflow %r (%s) cannot be executed here", run.workflow_id, run.name, exc_info=error)
    definition = runtime.registry.find(run.name)
    hint = None if definition is None else definition.code_hint
    await _set_aside(runtime, run, f"{type(error).__name__}: {error}", hint)


async def _set_aside(runtime: "Runtime", run: Claimed, reason: str, code_hint: str | None = None) -> None:
    await runtime.leave(Leave(run.run_id, run.epoch, Status.BLOCKED, reason, code_hint, queue=run.queue))
    if run.queue:
        runtime.places.freed()


async def _adopt_later(runtime: "Runtime", run: Claimed, fault: CodecFault) -> None:
    """The codec could not read the arguments: a few tries more, in which the run keeps its slot."""
    definition = runtime.registry.find(run.name)
    is_async = definition is not None and definition.is_async
    incarnation = runtime.incarnation
    runtime.reserved[is_async] += 1
    try:
        for attempt in range(READ_TRIES):
            runtime.codec.failed(fault)
            await asyncio.sleep(backoff(runtime, attempt))
            try:
                execution = _execution(runtime, run)
            except CodecFault as found:
                fault = found
            except Exception as error:
                return await _refused(runtime, run, error)
            else:
                runtime.codec.worked()
                if runtime.incarnation == incarnation:  # otherwise it belongs to who we were
                    runtime.begin(execution)
                return None
    finally:
        runtime.reserved[is_async] -= 1
    # Without a hint of the code, which is not to blame: every sweep tries it again.
    await _set_aside(runtime, run, f"{fault}; every sweep tries it again")


def _execution(runtime: "Runtime", run: Claimed) -> Execution:
    served = runtime.served()
    definition = served.get(route(run.name, run.version, run.instance)) or runtime.registry.find(run.name)
    if definition is None:
        raise StepwellError(f"no workflow {run.name!r} is defined in this process")
    if run.engine_format > ENGINE_FORMAT:
        raise StepwellError(
            f"the run was begun by a newer Stepwell (format {run.engine_format}; here {ENGINE_FORMAT}): upgrade"
        )
    args, kwargs = runtime.serializer.arguments(definition.fn, 1 if definition.is_method else 0).decode(
        run.input, run.codec_id
    )
    return Execution(
        runtime,
        definition,
        run_id=run.run_id,
        workflow_id=run.workflow_id,
        epoch=run.epoch,
        instance=None if run.instance is None else runtime.instances.instance(run.instance),
        arguments=(tuple(args), kwargs),
        deadline=run.deadline,
        cancel_reason=run.cancel_reason,
        attributes=run.attributes,
        parent=run.parent,
        root_run_id=run.root_run_id,
        queue=run.queue,
        recorded=run.history,
        intents=run.intents,
    )
