"""Which instants a cadence has: cron in a time zone, fixed intervals, one instant. Pure; instants are unix seconds.

Cron is read as Debian's is, by cronsim, minute by minute, and the seconds are added here: so a schedule with a field of
seconds meets a change of clocks like one without. A fixed local time that is left out happens at the first moment after
the gap, one that comes twice the first time; what has a star in its minutes or hours goes by elapsed time.
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Protocol

from stepwell.errors import InvalidArgument
from stepwell.model.schedules import Cadence

if TYPE_CHECKING:
    from cronsim import CronSim

#: Longer expressions say nothing that a shorter one could not; parsing takes time in proportion.
LONGEST_EXPRESSION = 200
#: No two ticks of `every` are closer, seconds.
SHORTEST_INTERVAL = 1.0
#: Where the search for the newest ticks begins to look, seconds before the end; doubled while too few are found.
_WINDOW_SECONDS = 3 * 3600.0


class Timetable(Protocol):
    """The ticks of one cadence."""

    def after(self, instant: float) -> float | None:
        """The first tick after that instant; None: there is none."""
        ...

    def newest(self, start: float, end: float, count: int) -> list[float]:
        """The last `count` ticks from `start` to `end`, both included, in order."""
        ...


def timetable(cadence: Cadence) -> Timetable:
    """The ticks of a stored cadence. Raises InvalidArgument for one that this process cannot read."""
    if cadence.kind == "cron":
        return Cron(cadence.expression, zone(cadence.timezone))
    if cadence.kind == "every":
        return Every(float(cadence.expression), cadence.anchor)
    if cadence.kind == "at":
        return Once(float(cadence.expression))
    raise InvalidArgument(f"there are no schedules of the kind {cadence.kind!r}")


def zone(name: str) -> tzinfo:
    """The time zone of an IANA name. Raises InvalidArgument."""
    from zoneinfo import ZoneInfo  # only who has a schedule pays for it

    if not isinstance(name, str):
        raise InvalidArgument(f"tz must be the name of a time zone, like 'Europe/Berlin', not {type(name).__name__}")
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # no such name; a path; a directory of the database
        raise InvalidArgument(f"tz: there is no time zone {name[:100]!r}; names are like 'Europe/Berlin'") from None


class Once:
    """One instant."""

    def __init__(self, instant: float) -> None:
        self._instant = instant

    def after(self, instant: float) -> float | None:
        """See `Timetable`."""
        return self._instant if self._instant > instant else None

    def newest(self, start: float, end: float, count: int) -> list[float]:
        """See `Timetable`."""
        return [self._instant] if start <= self._instant <= end else []


class Every:
    """Anchor + k times the interval, for every whole k: elapsed time, whatever clocks on walls do."""

    def __init__(self, interval: float, anchor: float) -> None:
        self._interval = interval
        self._anchor = anchor

    def after(self, instant: float) -> float | None:
        """See `Timetable`."""
        number = math.floor((instant - self._anchor) / self._interval)
        while self._tick(number) <= instant:  # rounding
            number += 1
        return self._tick(number)

    def newest(self, start: float, end: float, count: int) -> list[float]:
        """See `Timetable`."""
        last = math.ceil((end - self._anchor) / self._interval)
        first = max(math.floor((start - self._anchor) / self._interval), last - count - 1)
        ticks = [self._tick(number) for number in range(first, last + 1)]
        return [tick for tick in ticks if start <= tick <= end][-count:]

    def _tick(self, number: int) -> float:
        return round(self._anchor + number * self._interval, 6)  # what the database keeps of an instant


class Cron:
    """Five fields, or six with the seconds first, in a time zone. Raises InvalidArgument."""

    def __init__(self, expression: str, where: tzinfo) -> None:
        self._where = where
        seconds, self._minutely = _split(expression)
        parsed = _parsed(f"{seconds} {self._minutely}", expression)
        self.seconds = sorted(parsed.seconds)
        self.hours = parsed.hours
        self.minutes = parsed.minutes

    @property
    def has_fixed_times(self) -> bool:
        """Whether it names times of a day, to which a change of clocks may matter."""
        minute, hour, *_ = self._minutely.split()
        return not (minute.startswith("*") or hour.startswith("*"))

    def after(self, instant: float) -> float | None:
        """See `Timetable`."""
        for minute in self._minutes_from(instant - self.seconds[-1]):
            later = bisect_right(self.seconds, instant - minute)
            if later < len(self.seconds):
                return minute + self.seconds[later]
        return None

    def newest(self, start: float, end: float, count: int) -> list[float]:
        """See `Timetable`. The years between are not walked through, nor the seconds."""
        window = _WINDOW_SECONDS
        while True:
            begin = max(start, end - window)
            found = deque(self._minutes_until(begin - self.seconds[-1], end), maxlen=count + 2)
            ticks = [minute + second for minute in found for second in self.seconds]
            ticks = [tick for tick in ticks if begin <= tick <= end][-count:]
            if len(ticks) == count or begin == start:
                return ticks
            window *= 2

    def _minutes_until(self, instant: float, end: float) -> Iterator[float]:
        for minute in self._minutes_from(instant):
            if minute > end:
                return
            yield minute

    def _minutes_from(self, instant: float) -> Iterator[float]:
        """Ticks of the expression without its seconds, from that instant on, ascending."""
        from cronsim import CronSim

        last = math.nextafter(instant, -math.inf)
        before = datetime.fromtimestamp(math.floor(instant), UTC) - timedelta(seconds=1)
        for tick in CronSim(self._minutely, before.astimezone(self._where)):
            minute = tick.timestamp()
            # Within the second of two hours it finds the ticks of the first again; two may meet after a gap.
            if minute > last:
                last = minute
                yield minute


def _split(expression: str) -> tuple[str, str]:
    """The field of the seconds, and the five others. Raises InvalidArgument."""
    if not isinstance(expression, str):
        raise InvalidArgument(f"cron must be text like '0 3 * * *', not {type(expression).__name__}")
    if len(expression) > LONGEST_EXPRESSION:
        raise InvalidArgument(f"cron: at most {LONGEST_EXPRESSION} characters, and this has {len(expression)}")
    fields = expression.split()
    if len(fields) not in (5, 6) or not expression.isascii():
        raise InvalidArgument(
            f"cron: {expression!r} must be five fields (minute hour day month weekday), or six with the second first"
        )
    return (fields[0] if len(fields) == 6 else "0"), " ".join(fields[-5:])


def _parsed(six: str, expression: str) -> "CronSim":
    """Parsed, and known to have a tick within fifty years: looking for one that never comes is bounded."""
    from cronsim import CronSim, CronSimError

    try:
        parsed = CronSim(six, datetime(2024, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError, AssertionError, LookupError, TypeError) as error:
        why = str(error) or type(error).__name__
        raise InvalidArgument(f"cron: {expression!r} is no cron expression, or never comes: {why}") from None
    if next(iter(CronSim(" ".join(six.split()[-5:]), datetime(2024, 1, 1, tzinfo=UTC))), None) is None:
        raise InvalidArgument(f"cron: {expression!r} never comes")
    return parsed
