"""Which ticks a cadence has: cron through changes of the clocks, intervals, one instant; what is refused, quickly."""

import itertools
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from stepwell import InvalidArgument
from stepwell.core.next_fires import marked, next_fires
from stepwell.core.timetable import Cron, Every, Once, Timetable, timetable, zone
from stepwell.model.schedules import Cadence

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def at(when: str) -> float:
    return datetime.fromisoformat(when).timestamp()


def cron(expression: str, tz: str) -> Cron:
    return Cron(expression, zone(tz))


def ticks(table: Timetable, start: str, count: int, tz: str = "UTC") -> list[str]:
    """The first ticks after that instant, as clocks on the wall say."""
    instant, found = at(start), []
    for _ in range(count):
        after = table.after(instant)
        assert after is not None
        instant = after
        found.append(datetime.fromtimestamp(instant, zone(tz)).isoformat())
    return found


# -- changes of the clocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "tz", "start", "expected"),
    [
        # Berlin, 2026-03-29: 02:00 to 03:00 is left out. A fixed time happens right after the gap, once.
        ("30 2 * * *", BERLIN, "2026-03-28T12:00+01:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
        ("0 30 2 * * *", BERLIN, "2026-03-28T12:00+01:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
        ("0,30 2,3 * * *", BERLIN, "2026-03-29T00:00+01", ["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]),
        ("59 1 * * *", BERLIN, "2026-03-29T00:00+01:00", ["2026-03-29T01:59:00+01:00", "2026-03-30T01:59:00+02:00"]),
        ("0 3 * * *", BERLIN, "2026-03-29T00:00+01:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T03:00:00+02:00"]),
        # Stars go by elapsed time: nothing in the gap, both hours at the end of summer.
        ("*/30 * * * *", BERLIN, "2026-03-29T01:29+01:00", ["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00"]),
        ("0 * * * *", BERLIN, "2026-10-25T01:30+02:00", ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]),
        # Berlin, 2026-10-25: 02:00 to 03:00 comes twice. A fixed time happens the first time only.
        ("30 2 * * *", BERLIN, "2026-10-24T12:00+02:00", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        ("15 30 2 * * *", BERLIN, "2026-10-25T02:00+02:00", ["2026-10-25T02:30:15+02:00", "2026-10-26T02:30:15+01:00"]),
        ("30 2 * * *", BERLIN, "2026-10-25T02:10+01:00", ["2026-10-26T02:30:00+01:00", "2026-10-27T02:30:00+01:00"]),
        ("0 3 * * *", BERLIN, "2026-10-25T02:30+01:00", ["2026-10-25T03:00:00+01:00", "2026-10-26T03:00:00+01:00"]),
        ("30 2 * * *", NEW_YORK, "2026-03-07T12:00-05:00", ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]),
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00-04:00", ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]),
        # Lord Howe: half an hour, 2026-10-04 02:00 to 02:30 and 2026-04-05 01:30 to 02:00.
        ("15 2 * * *", LORD_HOWE, "2026-10-03T12:00+10:30", ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]),
        ("45 1 * * *", LORD_HOWE, "2026-04-04T12:00+11:00", ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]),
        ("*/15 * * * *", LORD_HOWE, "2026-10-03T15:10Z", ["2026-10-04T01:45:00+10:30", "2026-10-04T02:30:00+11:00"]),
    ],
)  # fmt: skip
def test_cron_through_changes_of_the_clocks(expression: str, tz: str, start: str, expected: list[str]) -> None:
    assert ticks(cron(expression, tz), start, 2, tz) == expected


@pytest.mark.parametrize("tz", [BERLIN, NEW_YORK, LORD_HOWE, "Africa/Casablanca", "UTC"])
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/20 1-3 * * *", "*/25 30 2 * * *", "5 */2 * * *", "0 0 1 * *"])
def test_a_daily_time_comes_every_day_and_never_goes_back(expression: str, tz: str) -> None:
    """Whoever asks from whichever instant sees the same ticks, ascending."""
    table = cron(expression, tz)
    instant, end, found = at("2026-01-01T00:00Z"), at("2026-12-31T00:00Z"), []
    while (after := table.after(instant)) is not None and after < end:
        assert after > instant
        instant = after
        found.append(after)
    assert found == table.newest(at("2026-01-01T00:00:00.5Z"), end - 1, 10**6)
    if expression == "30 2 * * *":
        days = [datetime.fromtimestamp(tick, zone(tz)).date() for tick in found]
        assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
        assert len(days) >= 363


# -- intervals and single instants ---------------------------------------------------------------------------------


def test_intervals_are_elapsed_time_from_their_anchor() -> None:
    table = timetable(Cadence("every", "86400.0", BERLIN, at("2026-03-28T12:00+01:00")))
    assert ticks(table, "2026-03-28T12:00+01:00", 2, BERLIN) == [
        "2026-03-29T13:00:00+02:00",
        "2026-03-30T13:00:00+02:00",
    ]
    assert ticks(table, "2026-03-28T11:59:59+01:00", 1, BERLIN) == ["2026-03-28T12:00:00+01:00"]
    odd = Every(1.1, 0.0)
    found = list(itertools.accumulate(range(1000), lambda tick, _: odd.after(tick) or 0.0, initial=0.0))
    assert found[-1] == pytest.approx(1100.0)
    assert len(set(found)) == 1001
    assert odd.newest(0.0, 1100.0, 2) == [1098.9, 1100.0]


def test_once_is_once() -> None:
    table = Once(100.0)
    assert (table.after(99.9), table.after(100.0)) == (100.0, None)
    assert (table.newest(100.0, 100.0, 5), table.newest(101.0, 200.0, 5)) == ([100.0], [])


# -- the newest of many --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", ["* * * * * *", "* * * * *", "30 2 * * *", "* * * 1 * *", "7 */3 * * MON-FRI"])
@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_newest_are_the_last_of_all(expression: str, count: int) -> None:
    table = cron(expression, BERLIN)
    start, end = at("2026-03-27T00:00Z"), at("2026-04-01T12:00:30Z")
    every: list[float] = []
    instant = start - 1
    while (after := table.after(instant)) is not None and after <= end and len(every) < 3000:
        every.append(after)
        instant = after
    if len(every) < 3000:
        assert table.newest(start, end, count) == every[-count:]
    late = table.newest(start, end, count)
    assert late == sorted(set(late))
    assert all(table.after(one) == other for one, other in itertools.pairwise(late))
    assert (table.after(late[-1]) or end + 1) > end


def test_a_year_without_anybody_is_made_up_for_quickly() -> None:
    for expression in ("* * * * * *", "* * * * *", "30 2 * * *", "* * * 1 * *", "0 0 29 2 *"):
        begun = time.perf_counter()
        cron(expression, BERLIN).newest(at("2020-01-01T00:00Z"), at("2026-01-01T00:00Z"), 100)
        assert time.perf_counter() - begun < 1.0, expression


# -- what is refused -----------------------------------------------------------------------------------------------

NEVER = [
    "0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 31 2 *", "0 0 */30 2 MON#5", "* * 30,31 FEB */2",
]  # fmt: skip
BAD = [
    "", " ", "* * * *", "* * * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
    "* * * * 8", "-1 * * * *", "*/0 * * * *", "5-1 * * * *", "1,,2 * * * *", "a b c d e", "* * * * MON#6",
    "1/2/3 * * * *",
    "\u0663 * * * *", "* * * * \u00b2L", "* * * * *\0", "*/* * * * *", "1-2-3 * * * *", "* * L-3 * *", "60 * * * * *",
    "9" * 190 + " * * * *", "9" * 201 + " * * * *", "1," * 100_000 + "1 * * * *", "* " * 1_000_000, "* * * * *;x",
]  # fmt: skip


@pytest.mark.parametrize("expression", [*NEVER, *BAD], ids=lambda expression: repr(expression[:24]))
def test_what_is_no_expression_is_refused_quickly(expression: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(InvalidArgument, match="cron"):
        cron(expression, BERLIN)
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize("expression", [None, 5, b"* * * * *", ["* * * * *"]])
def test_what_is_no_text_is_refused(expression: object) -> None:
    with pytest.raises(InvalidArgument, match="cron must be text"):
        Cron(expression, UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 29 2 MON", "0 0 L 2 *", "0 0 LW * *", "0 0 * 2 MON#5"])
def test_what_is_rare_is_not_refused(expression: str) -> None:
    table = cron(expression, BERLIN)
    instant = at("2026-03-01T00:00Z")
    for _ in range(3):
        after = table.after(instant)
        assert after is not None
        assert instant < after < instant + 41 * 366 * 86_400  # 2100 is no leap year
        instant = after


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "Europe/Berlin\0", "x" * 10_000, "\ud800"]
)
def test_zones_are_those_of_the_database_of_zones(name: str) -> None:
    with pytest.raises(InvalidArgument, match="tz"):
        zone(name)


def test_a_zone_is_a_name() -> None:
    with pytest.raises(InvalidArgument, match="tz must be the name"):
        zone(None)  # type: ignore[arg-type]


def test_a_kind_of_a_later_release_is_an_error_and_no_guess() -> None:
    with pytest.raises(InvalidArgument, match="moon"):
        timetable(Cadence("moon", "full", "UTC"))


# -- marks ---------------------------------------------------------------------------------------------------------


def marks(expression: str, tz: str, start: str, count: int) -> list[tuple[str, str | None]]:
    kind = "every" if expression.replace(".", "").isdigit() else "cron"
    found = next_fires(Cadence(kind, expression, tz, at(start)), at(start), count)
    return [(tick.at.isoformat(), tick.mark) for tick in found]


def test_ticks_say_what_a_change_of_the_clocks_does_to_them() -> None:
    assert marks("30 2 * * *", BERLIN, "2026-03-28T00:00+01:00", 3) == [
        ("2026-03-28T02:30:00+01:00", None),
        ("2026-03-29T03:00:00+02:00", "clocks go forward: there is no 02:30 on this day"),
        ("2026-03-30T02:30:00+02:00", None),
    ]
    assert marks("30 2 * * *", BERLIN, "2026-10-24T00:00+02:00", 3) == [
        ("2026-10-24T02:30:00+02:00", None),
        ("2026-10-25T02:30:00+02:00", "clocks go back: the first of two such times"),
        ("2026-10-26T02:30:00+01:00", "from here on UTC+01:00"),
    ]
    assert marks("0 * * * *", BERLIN, "2026-10-25T01:30+02:00", 3) == [
        ("2026-10-25T02:00:00+02:00", "clocks go back: the first of two such times"),
        ("2026-10-25T02:00:00+01:00", "clocks go back: the second of two such times"),
        ("2026-10-25T03:00:00+01:00", None),
    ]
    assert marks("15 2 * * *", LORD_HOWE, "2026-10-03T12:00+10:30", 1) == [
        ("2026-10-04T02:30:00+11:00", "clocks go forward: there is no 02:15 on this day")
    ]
    assert marks("12 0 * * *", NEW_YORK, "2026-11-01T12:00-05:00", 1)[0][1] is None
    assert marks("86400.0", BERLIN, "2026-03-28T12:00+01:00", 2) == [
        ("2026-03-29T13:00:00+02:00", "from here on UTC+02:00"),
        ("2026-03-30T13:00:00+02:00", None),
    ]


def test_the_last_tick_is_the_last() -> None:
    once = Cadence("at", repr(at("2030-01-01T00:00Z")), "UTC")
    assert [tick.at.year for tick in next_fires(once, at("2026-01-01T00:00Z"), 5)] == [2030]
    assert next_fires(once, at("2030-01-01T00:00Z"), 5) == []
    assert marked(once, 0.0, []) == []


def test_whoever_has_no_schedule_pays_nothing_for_them() -> None:
    code = "import sys, stepwell; assert 'cronsim' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
