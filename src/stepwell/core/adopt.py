"""A claimed run becomes an execution here, or is given back with the reason why it cannot."""

from typing import TYPE_CHECKING

from stepwell.core.execution import Execution
from stepwell.core.registry import route
from stepwell.errors import StepwellError
from stepwell.model.rows import ENGINE_FORMAT, Claimed, Leave
from stepwell.model.status import Status

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


def adopt(runtime: "Runtime", run: Claimed) -> None:
    """Begin executing a claimed run. Never raises: one bad row does not hold back its batch."""
    try:
        execution = _execution(runtime, run)
    except Exception as error:
        runtime.log.exception("workflow %r (%s) cannot be executed here", run.workflow_id, run.name)
        definition = runtime.registry.find(run.name)
        runtime.spawn(
            runtime.leave(
                Leave(
                    run.run_id,
                    run.epoch,
                    Status.BLOCKED,
                    f"{type(error).__name__}: {error}",
                    None if definition is None else definition.code_hint,
                )
            )
        )
    else:
        runtime.begin(execution)


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
        recorded=run.history,
        intents=run.intents,
    )
