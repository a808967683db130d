"""Log lines of a worker: one line per record, fields as name=value or JSON; ids and names, never payloads."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

LEVELS = ("debug", "info", "warning", "error")

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
#: Where telemetry/log.py puts an event's name and fields.
_EVENT = "stepwell"


class LineFormatter(logging.Formatter):
    """2025-01-31T12:00:00.123Z INFO    [4711] stepwell.events: workflow.ended workflow_id=o-1 status=SUCCESS"""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback if there is one."""
        fields = "".join(f" {name}={_word(value)}" for name, value in _fields(record).items())
        place = f"{_instant(record)} {record.levelname:<7} [{record.process}] {record.name}"
        line = f"{place}: {_message(record)}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """The same as one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        document: dict[str, Any] = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "pid": record.process,
            "logger": record.name,
            "message": _message(record),
            **_fields(record),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


def configure(level: str, as_json: bool) -> None:
    """Everything that this process logs goes to stderr. A program that configured logging itself keeps its handlers."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter() if as_json else LineFormatter())
        root.addHandler(handler)


def _message(record: logging.LogRecord) -> str:
    event = getattr(record, _EVENT, None)
    return str(event["event"]) if isinstance(event, dict) and "event" in event else record.getMessage()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`; of an event its own fields."""
    extra = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    event = extra.pop(_EVENT, None)
    if isinstance(event, dict):
        extra |= {name: value for name, value in event.items() if name != "event"}
    return {name: value for name, value in extra.items() if value is not None and not name.startswith("_")}


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _word(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c in text for c in ' "=\n\r\t') else text
