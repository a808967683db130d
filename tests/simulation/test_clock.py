"""The database's clock as a process tells it: never ahead, and no worse for a slow answer."""

import pytest

from stepwell.core.clock import DatabaseClock
from stepwell.testing.simulated_env import SimulatedEnv

AHEAD = 1_000_000.0  # of the database's clock


class Clocks:
    """Ours, the database's, and answers that take their time on the way there and back."""

    def __init__(self) -> None:
        self.ours, self.ahead = 100.0, AHEAD
        self.clock = DatabaseClock(SimulatedEnv(lambda: self.ours, "seed", 0.0))
        self.jumps = 0
        self.clock.on_jump = self._jumped

    def _jumped(self) -> None:
        self.jumps += 1

    def ask(self, there: float, back: float) -> None:
        sent = self.ours
        database_now = sent + there + self.ahead
        self.ours = sent + there + back
        self.clock.observe(database_now, sent, self.ours)

    @property
    def behind(self) -> float:
        return self.ours + self.ahead - self.clock.now()


def test_it_is_behind_by_the_way_back() -> None:
    clocks = Clocks()
    clocks.ask(0.3, 0.002)
    assert clocks.behind == pytest.approx(0.002)


def test_a_slow_answer_does_not_set_it_back() -> None:
    """Otherwise a run could read a time before the one that it slept until."""
    clocks = Clocks()
    clocks.ask(0.001, 0.001)
    before = clocks.clock.now()
    clocks.ask(0.001, 0.4)
    assert clocks.clock.now() >= before
    assert clocks.behind == pytest.approx(0.001, abs=0.001)


def test_a_quick_answer_makes_it_better() -> None:
    clocks = Clocks()
    clocks.ask(0.001, 0.4)
    clocks.ask(0.001, 0.001)
    assert clocks.behind == pytest.approx(0.001)


@pytest.mark.parametrize("change", [-30.0, 30.0])
def test_a_clock_that_was_set_is_followed_at_once(change: float) -> None:
    clocks = Clocks()
    clocks.ask(0.001, 0.001)
    clocks.ahead += change
    clocks.jumps = 0
    clocks.ask(0.2, 0.2)
    assert clocks.behind == pytest.approx(0.2)
    assert clocks.jumps == 1


def test_clocks_that_drift_apart_never_put_it_ahead() -> None:
    """Answers that are all slower than the first: what is known from that one grows old."""
    clocks = Clocks()
    clocks.ask(0.001, 0.001)
    for _ in range(3600):
        clocks.ours += 1.0
        clocks.ahead -= 0.0002
        clocks.ask(0.1, 0.1)
        assert 0 <= clocks.behind <= 0.11
