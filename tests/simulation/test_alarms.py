"""Waits until instants of the database's clock, whatever that clock does."""

import contextvars

from stepwell.core.alarms import Alarms
from stepwell.core.clock import DatabaseClock
from stepwell.testing.simulated_env import SimulatedEnv
from stepwell.testing.virtual_loop import VirtualLoop


class Bench:
    """A loop, a clock of the database that is `ahead` of it, and what rang when (by the loop's time)."""

    def __init__(self) -> None:
        self.now = 100.0
        self.loop = VirtualLoop(lambda: self.now)
        self.clock = DatabaseClock(SimulatedEnv(lambda: self.now, "seed", 0.0))
        self.hear(0.0)
        self.alarms = Alarms(self.loop, self.clock, contextvars.Context())
        self.rang: list[tuple[str, float]] = []

    def hear(self, ahead: float) -> None:
        """The database says what time it is."""
        self.clock.observe(self.now + ahead, self.now, self.now)

    def ring(self, name: str) -> None:
        self.rang.append((name, round(self.now, 3)))

    def until(self, end: float) -> None:
        """Let time pass, timer by timer."""
        while (due := self.loop.next_timer()) is not None and due < end:
            self.now = max(self.now, due + 1e-9)
            self.loop.turn()
        self.now = end
        self.loop.turn()

    def close(self) -> None:
        self.alarms.close()
        self.loop.close()


def test_they_ring_in_their_order() -> None:
    bench = Bench()
    for name, instant in (("c", 130.0), ("a", 110.0), ("b", 120.0), ("at once", 50.0)):
        bench.alarms.at(instant, bench.ring, name)
    bench.until(200)
    assert bench.rang == [("at once", 100.0), ("a", 110.0), ("b", 120.0), ("c", 130.0)]
    bench.close()


def test_cancelled_ones_do_not() -> None:
    bench = Bench()
    first = bench.alarms.at(110.0, bench.ring, "first")
    bench.alarms.at(120.0, bench.ring, "second")
    first.cancel()
    first.cancel()
    bench.until(200)
    assert bench.rang == [("second", 120.0)]
    bench.close()


def test_a_jump_of_the_clock_moves_them() -> None:
    bench = Bench()
    bench.alarms.at(500.0, bench.ring, "early")
    bench.alarms.at(900.0, bench.ring, "late")
    bench.until(150)
    bench.hear(ahead=600.0)  # it is 750 there
    bench.until(160)
    assert bench.rang == [("early", 150.0)]
    bench.hear(ahead=-100.0)
    bench.until(990)
    assert bench.rang == [("early", 150.0)]
    bench.until(1010)
    assert bench.rang == [("early", 150.0), ("late", 1000.0)]
    bench.close()


def test_many_cancelled_ones_take_no_room() -> None:
    bench = Bench()
    kept = bench.alarms.at(200.0, bench.ring, "kept")
    for _ in range(5):
        for alarm in [bench.alarms.at(10_000.0 + n, bench.ring, "never") for n in range(300)]:
            alarm.cancel()
    assert len(bench.alarms._heap) < 300
    assert not kept.cancelled
    bench.until(300)
    assert bench.rang == [("kept", 200.0)]
    bench.close()


def test_one_may_set_the_next() -> None:
    bench = Bench()

    def again(left: int) -> None:
        bench.ring(str(left))
        if left:
            bench.alarms.at(bench.clock.now() + 10.0, again, left - 1)

    bench.alarms.at(110.0, again, 2)
    bench.until(200)
    assert [name for name, _ in bench.rang] == ["2", "1", "0"]
    bench.close()


def test_one_that_raises_does_not_silence_the_others() -> None:
    bench = Bench()
    raised: list[object] = []
    bench.loop.set_exception_handler(lambda loop, context: raised.append(context.get("exception")))

    def fail() -> None:
        raise ZeroDivisionError

    bench.alarms.at(110.0, fail)
    bench.alarms.at(110.0, bench.ring, "with it")
    bench.alarms.at(120.0, bench.ring, "later")
    bench.until(200)
    assert [name for name, _ in bench.rang] == ["with it", "later"]
    assert [type(error) for error in raised] == [ZeroDivisionError]
    bench.close()


def test_an_instant_far_away() -> None:
    """Further than a timer may be: the loop looks at it now and then."""
    bench = Bench()
    bench.alarms.at(100_000.0, bench.ring, "far")
    bench.alarms.at(float("inf"), bench.ring, "never")
    bench.until(99_999)
    assert bench.rang == []
    bench.until(100_001)
    assert [name for name, _ in bench.rang] == ["far"]
    bench.close()
