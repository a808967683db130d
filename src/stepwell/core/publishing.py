"""`set_event`, `write_stream`, `close_stream`: what a run shows to others while it goes on."""

from collections.abc import Callable, Coroutine
from typing import Any

from stepwell.core import effects, sealing
from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.locked_file import refuse_while_file_is_locked
from stepwell.core.verbs import async_branch, def_branch
from stepwell.errors import NotInWorkflow
from stepwell.model.ids import check_name
from stepwell.model.messaging import EventWrite, StreamWrite
from stepwell.serde.fingerprint import fingerprint

#: (execution, branch, seq) -> what is written. Raises CodecFault.
Write = Callable[[Execution, str, int], EventWrite | StreamWrite]


class Publication:
    """One checked call: its name and mark, and what it writes."""

    __slots__ = ("kind", "mark", "name", "write")

    def __init__(self, kind: str, key: str, value: object, write: Write) -> None:
        self.kind = kind
        self.name = f"{kind}({key})"
        self.mark = fingerprint(self.name, (value,), {})
        self.write = write

    async def from_workflow(self, execution: Execution, key: Key) -> None:
        """The effect of the operation at this place."""
        await effects.publish(execution, self.write(execution, key[0], key[1]))

    def from_step(self, scope: StepScope) -> Coroutine[Any, Any, None]:
        """At least once, like the step that it is part of."""
        execution = scope.execution
        branch, seq = effects.place_in(scope)

        async def publish() -> None:
            write = await sealing.patiently(execution.runtime, self.write, execution, branch, seq)
            await effects.publish(execution, write)

        return publish()


def set_event(key: str, value: object) -> Publication:
    """A value under a key."""
    payload = _checked("set_event", key, "event", value)
    return Publication(
        "set_event", key, value, lambda e, b, s: EventWrite(e.run_id, e.epoch, b, s, key, *payload.stored())
    )


def write_stream(key: str, value: object) -> Publication:
    """One entry."""
    payload = _checked("write_stream", key, "value", value)
    return Publication(
        "write_stream", key, value, lambda e, b, s: StreamWrite(e.run_id, e.epoch, b, s, key, *payload.stored())
    )


def close_stream(key: str) -> Publication:
    """The end."""
    _here("close_stream")
    check_name(key, "key")
    return Publication("close_stream", key, None, lambda e, b, s: StreamWrite(e.run_id, e.epoch, b, s, key, None))


def _here(verb: str) -> Branch | StepScope:
    here = frame.get()
    if here is None:
        raise NotInWorkflow(f"stepwell.{verb}() needs a running workflow around it")
    return here


def _checked(verb: str, key: str, what: str, value: object) -> sealing.Payload:
    here = _here(verb)
    check_name(key, "key")
    serializer = here.execution.runtime.serializer
    return sealing.Payload(serializer, serializer.value(Any).text(value, what), what)


def publish(verb: str, made: Publication) -> None:
    """From def code in a workflow or step."""
    here = _here(verb)
    if isinstance(here, Branch):
        effects.in_thread(def_branch(verb), made.kind, made.name, made.mark, made.from_workflow)
    else:
        refuse_while_file_is_locked(here.execution.runtime, verb)
        effects.now_in_thread(here.execution.runtime, verb, made.from_step(here))


async def publish_async(verb: str, made: Publication) -> None:
    """From async code."""
    here = _here(verb)
    if isinstance(here, Branch):
        await effects.on_loop(async_branch(verb), made.kind, made.name, made.mark, made.from_workflow)
    else:
        refuse_while_file_is_locked(here.execution.runtime, verb)
        await effects.now_on_loop(here.execution.runtime, made.from_step(here))
