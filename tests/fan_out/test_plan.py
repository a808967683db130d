"""The plan of a fan-out by itself, driven by hand: what it asks for, in every order in which runs may end."""

from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from stepwell.core import fan_out
from stepwell.core.fan_out import Action, Ask, Await, Cancel, Ended, Failed, Give, Policy, Start
from stepwell.errors import TooManyFailures


class Driver:
    """Starts nothing: refs are the items, and which of them end next is drawn."""

    def __init__(self, seed: int, fails: frozenset[int] = frozenset()) -> None:
        self.random = Random(seed)
        self.fails = fails
        self.started = 0
        self.running: set[int] = set()
        self.most_running = 0
        self.most_waiting = 0
        self.cancelled: list[Any] | None = None

    def answer(self, action: Action, given: int) -> Any:
        match action:
            case Start():
                calls: list[Any] = action.calls
                first = self.started
                self.started += len(calls)
                self.running.update(range(first, self.started))
                self.most_running = max(self.most_running, len(self.running))
                self.most_waiting = max(self.most_waiting, self.started - given)
                return [call.item for call in calls]
            case Await(refs):
                assert set(refs) == self.running
                places = self.random.sample(sorted(refs), self.random.randint(1, min(4, len(refs))))
                self.running -= set(places)
                return Ended(places, [place for place in places if place in self.fails])
            case Ask(place):
                assert place not in self.running
                answered: Any = action.ref
                assert answered == place
                return Failed(ValueError(place)) if place in self.fails else place * 10
            case Cancel():
                self.cancelled = list(action.refs)
                assert set(self.cancelled) == self.running
                return None
            case Give():
                raise AssertionError("this is for whoever iterates")

    def run(self, count: int, policy: Policy) -> Iterator[Any]:
        yield from self.drive((SimpleNamespace(item=n) for n in range(count)), policy)

    def drive(self, calls: Iterator[Any], policy: Policy) -> Iterator[Any]:
        plan = fan_out.plan(calls, policy)
        given = 0
        action = next(plan, None)
        while action is not None:
            if isinstance(action, Give):
                given += 1
                yield action.value
            try:
                action = plan.send(None if isinstance(action, Give) else self.answer(action, given))
            except StopIteration:
                return


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ordered", [True, False])
def test_each_result_once(seed: int, ordered: bool) -> None:
    driver = Driver(seed)
    count, concurrency = Random(seed).randint(0, 200), Random(-seed).randint(1, 30)
    results = list(driver.run(count, Policy(concurrency, 0, ordered, None)))
    expected = [n * 10 for n in range(count)]
    assert (results if ordered else sorted(results)) == expected
    assert driver.most_running == min(count, concurrency)
    assert driver.cancelled is None


@pytest.mark.parametrize("seed", range(20))
def test_failures_in_their_places(seed: int) -> None:
    fails = frozenset(Random(seed).sample(range(100), 10))
    driver = Driver(seed, fails)
    results = list(driver.run(100, Policy(7, 10, True, None)))
    assert [n for n, each in enumerate(results) if isinstance(each, ValueError)] == sorted(fails)
    assert [each.args[0] for each in results if isinstance(each, ValueError)] == sorted(fails)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ordered", [True, False])
def test_the_first_that_is_too_many(seed: int, ordered: bool) -> None:
    driver = Driver(seed, frozenset(Random(seed).sample(range(100), 11)))
    with pytest.raises(TooManyFailures) as failed:
        list(driver.run(100, Policy(7, 0.1, ordered, 100)))
    assert (failed.value.failed, failed.value.total) == (11, 100)
    assert driver.cancelled is not None


@pytest.mark.parametrize("seed", range(5))
def test_a_slow_one_holds_back_a_bounded_number(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out, "LOOK_AHEAD", 50)

    class FirstIsSlow(Driver):
        def answer(self, action: Any, given: int) -> Any:
            if isinstance(action, Await) and len(action.refs) > 1:
                place = max(action.refs)
                self.running.discard(place)
                return Ended([place], [])
            return super().answer(action, given)

    driver = FirstIsSlow(seed)
    assert list(driver.run(400, Policy(10, 0, True, None))) == [n * 10 for n in range(400)]
    assert driver.most_waiting <= 60


def test_items_that_cannot_be_read() -> None:
    def items() -> Iterator[Any]:
        yield SimpleNamespace(item=0)
        yield SimpleNamespace(item=1)
        raise KeyError("no more")

    driver = Driver(0)
    with pytest.raises(KeyError):
        list(driver.drive(items(), Policy(2, 0, True, None)))
    assert driver.cancelled == []
    with pytest.raises(KeyError):
        list(driver.drive(items(), Policy(3, 0, True, None)))


def test_a_share_of_what_turns_out_to_be_all() -> None:
    driver = Driver(1, frozenset({3, 4}))
    assert len(list(driver.run(10, Policy(3, 0.2, True, None)))) == 10
    driver = Driver(1, frozenset({3, 4, 5}))
    with pytest.raises(TooManyFailures):
        list(driver.run(10, Policy(3, 0.2, True, None)))
