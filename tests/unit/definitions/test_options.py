"""Options: merged, checked when they are bound, immutable."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stepwell.errors import InvalidArgument
from stepwell.model.options import CallKeywords, CallOptions, StepOptions
from stepwell.model.retry import Retry

THEN = datetime(2030, 1, 1, tzinfo=UTC)


def test_merging_keeps_what_is_not_named() -> None:
    first = CallOptions().merged(id="o-1", queue="q")
    second = first.merged(queue="other", priority=-3)
    assert (second.id, second.queue, second.priority) == ("o-1", "other", -3)
    assert first.queue == "q"


def test_none_takes_an_option_back() -> None:
    options = CallOptions().merged(id="o-1", timeout=3, at=THEN, attributes={"a": 1})
    assert options.merged(id=None, timeout=None, at=None, attributes=None) == CallOptions()


def test_times_are_kept_in_seconds() -> None:
    options = CallOptions().merged(delay=timedelta(minutes=1), timeout=2, deadline=THEN)
    assert (options.delay, options.timeout, options.deadline) == (60.0, 2.0, 1893456000.0)
    assert CallOptions().merged(at=THEN).at == 1893456000.0


def test_attributes_are_a_copy() -> None:
    given = {"eu": True}
    options = CallOptions().merged(attributes=given)
    given["eu"] = False
    assert options.attributes == {"eu": True}


@pytest.mark.parametrize(
    "keywords",
    [{"queue": "q"}, {"priority": 0}, {"delay": 0}, {"at": THEN}],
    ids=str,
)
def test_some_options_ask_for_the_queue(keywords: CallKeywords) -> None:
    assert CallOptions().merged(**keywords).is_queued


def test_others_do_not() -> None:
    options = CallOptions().merged(
        id="o-1",
        on_conflict="reject",
        timeout=3,
        deadline=THEN,
        attributes={},
        engine=object(),
        parent_close="abandon",
    )
    assert not options.is_queued


@pytest.mark.parametrize(
    "wrong",
    [
        *({"id": "a/b"}, {"id": ""}, {"id": "x" * 256}, {"id": 3}),
        *({"on_conflict": "steal"}, {"on_conflict": None}, {"parent_close": "kill"}),
        *({"queue": ""}, {"queue": 3}, {"priority": 1.5}, {"priority": True}, {"priority": 2**31}),
        *({"delay": -1}, {"delay": float("nan")}, {"timeout": 0}, {"timeout": "3s"}),
        *({"at": 3.0}, {"at": datetime(2030, 1, 1)}, {"deadline": datetime(2030, 1, 1)}),
        *({"attributes": [1]}, {"attributes": {3: 1}}, {"attributes": {"a\0": 1}}),
        *({"delay": 1, "at": THEN}, {"que": "q"}, {"retry": 3}),
    ],
    ids=str,
)
def test_what_a_run_cannot_have_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        CallOptions().merged(**wrong)


def test_a_message_names_the_option() -> None:
    with pytest.raises(InvalidArgument, match="there is no que=; there are id, on_conflict, queue"):
        CallOptions().merged(que="q")  # type: ignore[call-arg]
    with pytest.raises(InvalidArgument, match="timeout must be more than zero"):
        CallOptions().merged(timeout=0)


def test_options_lie_over_others_where_they_say_something() -> None:
    defaults = CallOptions(timeout=9)
    base = defaults.merged(queue="q", priority=1)
    assert defaults.merged(id="o-1", priority=2).over(base, defaults) == base.merged(id="o-1", priority=2)
    assert defaults.over(base, defaults) == base


def test_a_step_has_three_options() -> None:
    options = StepOptions("charge", Retry(3), 5.0)
    assert options.merged(retry=0) == StepOptions("charge", None, 5.0)
    assert options.merged(name="other", timeout=timedelta(minutes=1)) == StepOptions("other", Retry(3), 60.0)
    assert options.merged(timeout=None, retry=2) == StepOptions("charge", Retry(2), None)


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": None}, {"retry": None}, {"timeout": 0}, {"id": "o-1"}, {"queue": "q"}],
    ids=str,
)
def test_a_step_takes_no_other(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        StepOptions("charge").merged(**wrong)
