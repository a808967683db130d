"""The event bus: every noteworthy thing is one event with a name and fields, never with a payload.

    engine.bus.subscribe(lambda event: print(event.name, event.fields))

Handlers run at once in the thread where the event happens: they must be quick and may not block. One that
raises is logged and does no harm.
"""

import logging
from collections.abc import Callable, Collection
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
        self._handlers: tuple[tuple[Handler, frozenset[str] | None], ...] = ()
        #: Whether anybody wants every step's end: the hot path asks before it builds an event.
        self.active = False

    def subscribe(self, handler: Handler, names: Collection[str] | None = None) -> Callable[[], None]:
        """Call `handler(event)` for events of these names (None: all); returns the function that ends it."""
        entry = (handler, None if names is None else frozenset(names))
        self._set((*self._handlers, entry))
        return lambda: self._set(tuple(each for each in self._handlers if each is not entry))

    def _set(self, handlers: tuple[tuple[Handler, frozenset[str] | None], ...]) -> None:
        self._handlers = handlers
        self.active = any(names is None or "step.ended" in names for _, names in handlers)

    def emit(self, name: str, /, **fields: Any) -> None:
        """Tell everybody who wants to know."""
        wanting = [handler for handler, names in self._handlers if names is None or name in names]
        if not wanting:
            return
        execution = fields.pop("execution", None)
        if execution is not None:
            fields = {
                "workflow_id": execution.workflow_id,
                "run_id": execution.run_id,
                "workflow": execution.definition.name,
                "epoch": execution.epoch,
                **fields,
            }
        event = Event(name, fields)
        for handler in wanting:
            try:
                handler(event)
            except Exception:
                log.exception("a handler of %s failed", name)

    def body(self, scope: Any) -> None:
        """A step's body begins now, for the attempt that the scope says."""
        self.emit(
            "step.started",
            execution=scope.execution,
            name=scope.name,
            place=(scope.branch.path, scope.seq),
            attempt=scope.attempt,
        )

    def step(
        self, execution: Any, place: tuple[str, int], name: str, ended: str, elapsed: float, attempts: int
    ) -> None:
        """A step has an outcome (appended, not durable yet)."""
        if self.active:
            self.emit(
                "step.ended",
                execution=execution,
                name=name,
                place=place,
                ended=ended,
                elapsed=elapsed,
                attempts=attempts,
            )
