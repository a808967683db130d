"""The handler that turns events into log records: ids, names and numbers in `extra`, never a payload.

logging.getLogger("stepwell").setLevel(logging.INFO)
"""

import logging

from stepwell.telemetry.bus import Bus, Event

log = logging.getLogger("stepwell.events")

#: What deserves more than DEBUG.
_LEVELS = {
    "workflow.ended": logging.INFO,
    "workflow.started": logging.DEBUG,
    "step.ended": logging.DEBUG,
    "step.retry": logging.WARNING,
    "replay.drift": logging.WARNING,
}


def log_event(event: Event) -> None:
    """Log one event under the logger `stepwell.events`."""
    level = _LEVELS.get(event.name, logging.DEBUG)
    if log.isEnabledFor(level):
        words = " ".join(f"{key}={value}" for key, value in event.fields.items() if value is not None)
        log.log(level, "%s %s", event.name, words, extra={"stepwell": {"event": event.name, **event.fields}})


def subscribe_log(bus: Bus) -> None:
    """Log those events whose level is enabled now: what nobody reads costs nothing."""
    names = [name for name, level in _LEVELS.items() if log.isEnabledFor(level)]
    if names:
        bus.subscribe(log_event, names)
