"""SIGKILL at many moments of workflows that do ten things at once: another process goes on, and repeats nothing."""

from collections import defaultdict

from stepwell import Client
from tests.faults.apps import fan_out
from tests.faults.kit.places import Place
from tests.faults.kit.processes import Crew

#: Moments of a run: the steps' 21 bodies and helpers' 90 are cut at the first, the last, and in between.
MOMENTS = [f"steps-{tick}" for tick in (1, 5, 10, 11, 14, 19, 21, 22)]
MOMENTS += [f"helpers-{tick}" for tick in (1, 10, 12, 23, 37, 52, 61, 77, 88, 90)]

STEPS = [number * 10 for number in range(fan_out.WIDTH + 1)]
TOTALS = [number * 30 + 3 for number in range(fan_out.WIDTH)]


def test_another_process_ends_what_was_killed_and_repeats_nothing(place: Place, crew: Crew, client: Client) -> None:
    rescuer = crew.serving("fan_out")
    (died,) = crew.run("fan_out", *MOMENTS).expect("died")
    assert died == len(MOMENTS), "a fuse was too long"
    results = {run: client.handle(run).result(timeout=30) for run in MOMENTS}

    for run, result in results.items():
        recorded = [row for row in place.recorded() if row.workflow == run]
        if run.startswith("steps"):
            assert result == STEPS
        else:
            totals, order = result
            assert totals == TOTALS
            # The order in which the dead process saw steps end holds for its heir.
            assert len(order) == len(recorded) == 3 * fan_out.WIDTH
            assert order == [_number(row.place) for row in recorded]
        assert [row.pos for row in recorded] == list(range(len(recorded)))
        assert {row.ended for row in recorded} == {"ok"}
        assert place.run(run).status == "SUCCESS"
        assert place.run(run).attempts == 2
    assert _repeated(place, rescuer.pid) == set()
    rescuer.leave()


def _number(place: str) -> int:
    """What `order` calls the step of this place: the helper's ordinal, and the step within it."""
    branch, _, seq = place.partition(":")
    return int(branch.rpartition(".")[2]) * 10 + int(seq)


def _repeated(place: Place, rescuer: int) -> set[tuple[str, str]]:
    """Steps whose outcome the dead process had recorded, and whose body the rescuer ran all the same."""
    bodies: dict[str, list[list[int]]] = defaultdict(list)
    for pid, run, number, part in place.effects():
        if pid == rescuer:
            bodies[run].append([number, part])
    for run, done in bodies.items():
        assert len(done) == len({tuple(each) for each in done}), f"the rescuer itself repeated a step of {run}"
    assert len({row.epoch for row in place.recorded()}) == 2, "every step was recorded by the same process"
    repeated = set()
    for row in place.recorded():
        if row.epoch == 1:
            branch, _, seq = row.place.partition(":")
            here = [int(seq), 0] if not branch else [int(branch.rpartition(".")[2]), int(seq)]
            if here in bodies[row.workflow]:
                repeated.add((row.workflow, row.place))
    return repeated
