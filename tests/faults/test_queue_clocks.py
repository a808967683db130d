"""One process's wall clock is an hour off: limits, rates, delays, expiry and schedules go by the database's clock."""

from typing import Any

import pytest

from stepwell import Client, Queue, Rate
from tests.faults.kit.ledger import Ledger, most_within, starts
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew

pytestmark = pytest.mark.parametrize("place", ["postgres"], indirect=True)

HOUR = 3600.0
#: How late what is due may begin here: all processes look every 0.1 s, on a machine that has much else to do.
LATE_SECONDS = 3.0
DELAY_SECONDS = 1.5
EXPIRES_SECONDS = 0.7
PARTITIONS = 4

QUEUES = [
    Queue("whole", concurrency=3),
    Queue("worker", worker_concurrency=2),
    Queue("rate", rate=Rate(8, per=1.0)),
    Queue("parts", partition_concurrency=1, partition_rate=Rate(4, per=1.0)),
    Queue("later", concurrency=4),
    Queue("stale", concurrency=4, paused=True),
]

#: What each of the two starters starts: prefix, how many, options, partitions.
LOAD: list[tuple[str, int, dict[str, Any], int]] = [
    ("whole", 15, {"queue": "whole"}, 0),
    ("worker", 15, {"queue": "worker"}, 0),
    ("rate", 14, {"queue": "rate"}, 0),
    ("parts", 16, {"queue": "parts"}, PARTITIONS),
    ("later", 6, {"queue": "later", "delay": DELAY_SECONDS}, 0),
    ("stale", 4, {"queue": "stale", "expires": EXPIRES_SECONDS}, 0),
    ("fresh", 4, {"queue": "stale", "expires": 300.0}, 0),
]


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_process_whose_clock_is_an_hour_off(place: Place, crew: Crew, client: Client, off: float) -> None:
    for queue in QUEUES:
        client.queues.create(queue)
    ledger = Ledger(place)
    wrong = crew.serving("limited", str(off), role="wrong")
    wrong.ask("every", 1.0)
    ticks = "select count(*) > 0 from workflow_status where name like '%:tick'"
    eventually(lambda: place.sql(ticks) == [(True,)], timeout=5)  # nobody else is there to fire
    right = [crew.serving("limited", role=name) for name in ("right", "other")]
    for starter in (wrong, right[0]):
        for prefix, number, options, partitions in LOAD:
            starter.ask("start", f"{prefix}-{starter.pid}", number, options, partitions)
    over = "select count(*) from workflow_status where workflow_id like 'stale-%' and expires_at < clock_timestamp()"
    eventually(lambda: place.sql(over) == [(8,)], timeout=5)
    client.queues.resume("stale")

    unfinished = "select count(*) from workflow_status where completed_at is null and queue <> ''"
    eventually(lambda: place.sql(unfinished) == [(0,)], timeout=30)
    client.schedules.pause("ticks")
    eventually(lambda: place.sql("select count(*) from workflow_status where completed_at is null") == [(0,)])
    assert _served_by(place, wrong.pid) > 10, "it had nothing to do with it"
    _holds_limits(place, ledger)
    _starts_in_time(place)
    _ticks_once(place)
    for worker in (wrong, *right):
        worker.leave()


def _served_by(place: Place, pid: int) -> int:
    return sum(each == pid for each, *_ in place.effects())


def _holds_limits(place: Place, ledger: Ledger) -> None:
    """Those of all processes, and those of the one that is wrong; and no body ran twice."""
    assert ledger.most("whole") == 3
    assert 0 < ledger.most("worker", of="owner") <= 2
    assert ledger.most("parts", of="partition_key") == 1
    assert most_within(starts(place, "rate"), 1.0) == 8
    for partition in range(PARTITIONS):
        assert 0 < most_within(starts(place, "parts", f"p{partition}"), 1.0) <= 4
    assert set(place.count_effects().values()) == {1}


def _starts_in_time(place: Place) -> None:
    """By the database's clock, whoever started them and whoever executes them."""
    waited = place.sql(
        "select extract(epoch from started_at - created_at)::float8 from workflow_status where queue = 'later'"
    )
    assert len(waited) == 12
    assert all(DELAY_SECONDS <= seconds < DELAY_SECONDS + LATE_SECONDS for (seconds,) in waited), waited
    stale = place.sql("select status, reason, started_at is null from workflow_status where workflow_id like 'stale-%'")
    assert stale == [("CANCELLED", "expired", True)] * 8
    others = place.sql(
        "select workflow_id, status, error from workflow_status"
        " where workflow_id not like 'stale-%' and status <> 'SUCCESS'"
    )
    assert others == []
    told = place.sql(
        "select output::float8 - extract(epoch from started_at)::float8 from workflow_status"
        " where name like '%:job' and status = 'SUCCESS'"
    )
    assert all(-0.5 < late < LATE_SECONDS for (late,) in told), "now() is not the database's"


def _ticks_once(place: Place) -> None:
    """Each second has its tick, which was fired when it came."""
    ticks = place.sql(
        "select right(a.attributes ->> 'scheduled_at', 20)::timestamptz,"
        " extract(epoch from w.created_at - (a.attributes ->> 'scheduled_at')::timestamptz)::float8"
        " from workflow_status w join workflow_attributes a using (run_id)"
        " where a.attributes ->> 'schedule' = 'ticks' order by 1"
    )
    assert len(ticks) >= 3
    seconds = [int(at.timestamp()) for at, _ in ticks]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    assert all(0.0 <= late < LATE_SECONDS for _, late in ticks), ticks
    done = place.count_effects()
    assert {what: times for what, times in done.items() if str(what[0]).startswith("tick-")} == {
        (f"tick-{second}",): 1 for second in seconds
    }
