"""What a workflow's decorator says about events, checked where it is defined."""

import inspect

from stepwell.core.definition import WorkflowDefinition
from stepwell.core.expressions import parse
from stepwell.errors import ConfigurationError, InvalidArgument
from stepwell.model.ids import check_name

#: What `cancel_where` calls the event; everything else in it is a parameter of the workflow.
THE_EVENT = "event"


def check_subscriptions(d: WorkflowDefinition) -> None:
    """Raises InvalidArgument and ConfigurationError, naming the workflow and the place."""
    for event, filter, option in ((d.on, d.where, ""), (d.cancel_on, d.cancel_where, "cancel_")):
        if event is None and filter is not None:
            raise InvalidArgument(f"{d.name}: {option}where= needs {option}on=, the event that it is about")
        if event is not None:
            check_name(event, f"{d.name}: {option}on")
    if d.on is not None:
        _check_start(d)
    if d.where is not None:
        parse(d.where, f"{d.name}: where")
    if d.cancel_where is not None:
        _check_cancel(d, d.cancel_where)


def takes_payload(d: WorkflowDefinition) -> bool:
    """Whether an event's payload has a parameter to go to."""
    kinds = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    )
    return any(each.kind in kinds for each in d.signature.parameters.values())


def _check_start(d: WorkflowDefinition) -> None:
    if d.is_method:
        raise ConfigurationError(
            f"{d.name}: on= is not for methods, since the event does not say on which instance: make it a function"
        )
    try:
        d.signature.bind(*((None,) if takes_payload(d) else ()))
    except TypeError as error:
        raise ConfigurationError(
            f"{d.name}: on= gives the workflow one argument, the event's payload, and it takes others: {error}"
        ) from None


def _check_cancel(d: WorkflowDefinition, filter: str) -> None:
    expression = parse(filter, f"{d.name}: cancel_where")
    parameters = list(d.signature.parameters.values())[1 if d.is_method else 0 :]
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return
    unknown = sorted(expression.names - {each.name for each in parameters} - {THE_EVENT})
    if unknown:
        raise InvalidArgument(
            f"{d.name}: cancel_where {filter!r}: {unknown[0]!r} is neither a parameter of the workflow nor "
            f"{THE_EVENT!r}, which is the payload"
        )
