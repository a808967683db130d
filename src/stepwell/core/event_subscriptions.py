"""What workflows subscribe to, as rows: whoever publishes an event may not have their code.

A start's `parameters` say whether the workflow takes the payload; a cancellation's, under which names its runs are
stored, and how their recorded inputs are read by the names of the parameters.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from stepwell.core.definition import WorkflowDefinition
from stepwell.core.event_declarations import takes_payload
from stepwell.core.registry import route
from stepwell.errors import StepwellError, UnreadablePayload
from stepwell.model.published import CANCEL, START, Subscription
from stepwell.serde.text import from_text

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class Parameters(msgspec.Struct, omit_defaults=True):
    """The JSON document of a subscription."""

    takes_payload: bool = False
    names: list[str] = []  # of the workflow: its own, and its aliases
    positional: list[str] = []
    defaults: dict[str, msgspec.Raw] = {}


read_parameters = msgspec.json.Decoder(Parameters).decode


async def subscribe(runtime: "Runtime") -> None:
    """Make the subscriptions of this app what the workflows of this process declare."""
    served = {d.name: d for d in runtime.served().values()}
    rows = [row for d in served.values() for row in _declared(runtime, d)]
    await runtime.patient(runtime.store.subscribe, rows, sorted(served))


def _declared(runtime: "Runtime", d: WorkflowDefinition) -> list[Subscription]:
    rows = []
    if d.on is not None:
        rows.append(_row(runtime, d, d.on, START, d.where, Parameters(takes_payload=takes_payload(d))))
    if d.cancel_on is not None:
        rows.append(_row(runtime, d, d.cancel_on, CANCEL, d.cancel_where, _how_inputs_are_read(runtime, d)))
    return rows


def _row(
    runtime: "Runtime", d: WorkflowDefinition, event: str, mode: str, filter: str | None, parameters: Parameters
) -> Subscription:
    return Subscription(
        app=runtime.name,
        event=event,
        mode=mode,
        workflow=d.name,
        route=route(d.name, d.version, None),
        filter=filter,
        parameters=msgspec.json.encode(parameters).decode(),
        version=d.version,
        queue=d.queue,
        timeout=d.timeout,
        max_recoveries=d.max_recoveries,
    )


def _how_inputs_are_read(runtime: "Runtime", d: WorkflowDefinition) -> Parameters:
    found = Parameters(names=[d.name, *d.aliases])
    for each in list(d.signature.parameters.values())[1 if d.is_method else 0 :]:
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
            found.positional.append(each.name)
        if each.default is not each.empty:
            try:
                text = runtime.serializer.value(Any).text(each.default, each.name)
            except StepwellError:
                continue  # no JSON: no expression could compare it with anything
            found.defaults[each.name] = msgspec.Raw(text.encode())
    return found


def arguments_by_name(parameters: Parameters, text: str) -> dict[str, Any]:
    """The arguments of a run, as JSON data, from its stored input. Raises UnreadablePayload."""
    stored = from_text(text)
    if not isinstance(stored, dict):
        raise UnreadablePayload("The stored input is not an object.")
    values = {name: from_text(bytes(raw).decode()) for name, raw in parameters.defaults.items()}
    values.update(zip(parameters.positional, stored.get("args", ()), strict=False))
    values.update(stored.get("kwargs", {}))
    return values
