"""How values are shown."""

import json
import logging
import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest

from stepwell.cli.logs import JsonFormatter, LineFormatter
from stepwell.cli.output import cell, duration, failure_text, payload, plain


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (3.44, "3.4 s"),
        (119, "119.0 s"),
        (300, "5 min"),
        (7200, "2.0 h"),
        (267_840, "3.1 d"),
    ],
)
def test_durations_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_payloads_are_json_or_stay_text() -> None:
    assert payload('{"a": 1}') == {"a": 1}
    assert payload("b64:AAAA") == "b64:AAAA"
    assert payload(None) is None


def test_failures_in_one_line() -> None:
    assert failure_text('{"type": "shop:Declined", "message": "card expired"}') == "Declined: card expired"
    assert failure_text('{"type": "builtins:KeyError", "message": ""}') == "KeyError"
    assert failure_text("sealed") == "sealed"


def test_cells_are_no_markup_and_statuses_have_a_colour() -> None:
    assert cell("[red]x[/red]").plain == "[red]x[/red]"
    assert cell("ERROR").style == "red"
    assert cell(None).plain == ""


def test_json_knows_instants_and_ids_and_nothing_by_chance() -> None:
    assert plain(datetime(2025, 1, 31, 12, tzinfo=UTC)) == "2025-01-31T12:00:00+00:00"
    assert plain(UUID(int=7)) == "00000000-0000-0000-0000-000000000007"
    with pytest.raises(TypeError):
        plain(object())


def test_log_lines_have_fields_and_no_payload() -> None:
    record = logging.makeLogRecord(
        {
            "name": "stepwell.events",
            "levelno": logging.INFO,
            "levelname": "INFO",
            "msg": "workflow.ended workflow_id=o 1 status=ERROR",
            "created": 1738324800.1234,
            "process": 7,
            "stepwell": {"event": "workflow.ended", "workflow_id": "o 1", "status": "ERROR", "reason": None},
        }
    )
    expected = '2025-01-31T12:00:00.123Z INFO    [7] stepwell.events: workflow.ended workflow_id="o 1" status=ERROR'
    assert LineFormatter().format(record) == expected
    assert json.loads(JsonFormatter().format(record)) == {
        "at": "2025-01-31T12:00:00.123Z",
        "level": "info",
        "pid": 7,
        "logger": "stepwell.events",
        "message": "workflow.ended",
        "workflow_id": "o 1",
        "status": "ERROR",
    }


def test_log_lines_carry_tracebacks() -> None:
    try:
        raise ValueError("seen")
    except ValueError:
        record = logging.makeLogRecord({"msg": "it broke", "exc_info": sys.exc_info()})
    assert "ValueError: seen" in LineFormatter().format(record)
    assert "ValueError: seen" in json.loads(JsonFormatter().format(record))["traceback"]
