"""Walks that go on from claim to claim: when they say that all was looked at, all was."""

from collections.abc import Mapping
from random import Random

import pytest

from stepwell.store.rounds import Place, Rounds, Step, Walk, partitions_of

WINDOW = 5
NAMES = "names"
CROWDED = partitions_of("crowded")


class Shop:
    """Numbers that wait: names, and the keys of one queue's partitions. A claim looks at the next few of both."""

    def __init__(self, random: Random, names: int, keys: int) -> None:
        self.names = random.sample(range(1000), names)
        self.keys = random.sample(range(1000), keys)
        self.turn = random.choice([None, *self.keys])

    def claim(self, places: Mapping[Walk, Place]) -> tuple[dict[Walk, Step], set[tuple[Walk, int]]]:
        """How far it came, and what it has looked at."""
        steps: dict[Walk, Step] = {}
        begin = int(places.get(NAMES, ("-1",))[0])
        names = [name for name in sorted(self.names) if name > begin]
        ended = len(names) < WINDOW
        names = names[:WINDOW]
        if not ended or NAMES in places:
            place = None if ended else (str(names[-1]),)
            steps[NAMES] = Step(place, from_start=NAMES not in places, passed_end=ended)
        after = int(places[CROWDED][0]) if CROWDED in places else -1 if self.turn is None else self.turn
        keys = [key for key in sorted(self.keys) if key > after]
        wrapped = len(keys) < WINDOW
        keys = (keys + [key for key in sorted(self.keys) if key <= after])[:WINDOW]
        if len(keys) == WINDOW:
            steps[CROWDED] = Step((str(keys[-1]),), from_start=False, passed_end=wrapped)
        elif CROWDED in places:
            steps[CROWDED] = Step(None, from_start=True, passed_end=True)
        return steps, {(NAMES, name) for name in names} | {(CROWDED, key) for key in keys}

    def all(self) -> set[tuple[Walk, int]]:
        return {(NAMES, name) for name in self.names} | {(CROWDED, key) for key in self.keys}

    def change(self, random: Random) -> None:
        """Some come and go."""
        for numbers in (self.names, self.keys):
            if numbers and random.random() < 0.3:
                numbers.remove(random.choice(numbers))
            if random.random() < 0.3:
                numbers.append(random.randrange(10**6))


@pytest.mark.parametrize("seed", range(200))
def test_a_look_that_ends_has_looked_at_everything(seed: int) -> None:
    random = Random(seed)
    shop, rounds = Shop(random, random.choice([0, 3, 5, 12, 30]), random.choice([0, 3, 5, 12, 30])), Rounds()
    for _ in range(12):
        kinds = [["a", "b"]] if random.random() < 0.3 else [["a", "b"], ["a"], ["b"]]
        there = {tuple(routes): shop.all() for routes in kinds}
        seen: dict[tuple[str, ...], set[tuple[Walk, int]]] = {tuple(routes): set() for routes in kinds}
        anew, number = True, 0
        while kinds:
            following = []
            for routes in kinds:
                key, places = tuple(routes), rounds.places(routes, anew)
                steps, looked = shop.claim(places)
                limit = random.choice([1, 10])
                share = random.choice([limit, limit // 2])
                took = random.choice([0] * 20 + [1])
                seen[key] = looked if took else seen[key] | looked
                if rounds.walked(routes, steps, took=took, again=False, share=share, limit=limit):
                    following.append(routes)
                else:
                    assert took or there[key] & shop.all() <= seen[key]
                anew, number = False, number + 1
            kinds = following
            shop.change(random)
            assert number < 400


def test_what_fits_into_one_claim_leaves_nothing_behind() -> None:
    rounds = Rounds()
    for took in (0, 3, 10):
        assert not rounds.walked(["a"], {}, took=took, again=False, share=10, limit=10)
        assert rounds.places(["a"], anew=False) == {}


def test_claims_that_bring_nothing_follow_each_other_so_often_and_then_go_on_with_the_next_look() -> None:
    rounds = Rounds()
    place = 0
    for look in range(1, 4):
        number = 0
        while True:
            assert rounds.places(["a"], anew=number == 0).get(NAMES, ("0",)) == (str(place),)
            step = Step((str(place + 1),), from_start=place == 0, passed_end=False)
            place, number = place + 1, number + 1
            if not rounds.walked(["a"], {NAMES: step}, took=0, again=False, share=5, limit=5):
                break
        assert (number, place) == (20, 20 * look)


def test_where_places_are_few_both_kinds_of_queues_have_theirs_before_names_go_on() -> None:
    rounds = Rounds()
    step: dict[Walk, Step] = {NAMES: Step(("m",), from_start=True, passed_end=False)}
    assert rounds.walked(["a"], step, took=5, again=False, share=5, limit=5)
    assert rounds.places(["a"], anew=False) == {}, "it was the queues with limits that took them all"
    assert rounds.walked(["a"], step, took=5, again=False, share=2, limit=5)
    assert rounds.places(["a"], anew=False) == {NAMES: ("m",)}


def test_a_queue_that_was_passed_over_goes_on_where_it_was() -> None:
    rounds = Rounds()
    step = Step(("m",), from_start=False, passed_end=False)
    assert rounds.walked(["a"], {CROWDED: step}, took=0, again=False, share=5, limit=5)
    rounds.walked(["a"], {}, took=1, again=True, share=0, limit=1)
    assert rounds.places(["a"], anew=False) == {CROWDED: ("m",)}
