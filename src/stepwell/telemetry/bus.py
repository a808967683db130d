"""The event bus: every noteworthy thing is one event with a name and fields, never with a payload.

    engine.bus.subscribe(lambda event: print(event.name, event.fields))

Handlers run at once in the thread where the event happens: they must be quick and may not block. One that raises
is logged and does no harm.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("stepwell.bus")


@dataclass(slots=True, frozen=True)
class Event:
    """`name` is dotted ("step.ended", "workflow.started", ...); `fields` are ids, names and numbers."""

    name: str
    fields: dict[str, Any]


Handler = Callable[[Event], None]


class Bus:
    """One per engine."""

    def __init__(self) -> None:
        self._handlers: tuple[Handler, ...] = ()
        #: False while nobody listens: the hot path asks before it builds an event.
        self.active = False

    def subscribe(self, handler: Handler) -> Callable[[], None]:
        """Call `handler(event)` for every event; returns the function that ends it."""
        self._handlers = (*self._handlers, handler)
        self.active = True

        def unsubscribe() -> None:
            self._handlers = tuple(each for each in self._handlers if each is not handler)
            self.active = bool(self._handlers)

        return unsubscribe

    def emit(self, name: str, **fields: Any) -> None:
        """Tell everybody."""
        execution = fields.pop("execution", None)
        if execution is not None:
            fields = {"workflow_id": execution.workflow_id, "run_id": execution.run_id,
                      "workflow": execution.definition.name, "epoch": execution.epoch, **fields}
        event = Event(name, fields)
        for handler in self._handlers:
            try:
                handler(event)
            except Exception:
                log.exception("a handler of %s failed", name)

    def step(self, execution: Any, place: tuple[str, int], name: str, ended: str, elapsed: float, attempts: int) -> None:
        """A step has an outcome (appended, not durable yet)."""
        if self.active:
            self.emit("step.ended", execution=execution, name=name, place=place, ended=ended, elapsed=elapsed,
                      attempts=attempts)
