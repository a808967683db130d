"""SystemExit and KeyboardInterrupt say that the process ends, not the run: it is given back at once."""

import time

import pytest

from stepwell import Client, Stepwell, UsageError, step, workflow
from tests.faults.kit.child import quick
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew

NAMES = ("def", "async", "loop", "body")
SOON_SECONDS = 3.0  # less than any lease


@pytest.mark.parametrize("error", ["exit", "interrupt"])
def test_the_run_goes_on_at_once(place: Place, crew: Crew, client: Client, error: str) -> None:
    doomed, heir = crew.serving("leaving", role="doomed"), crew.serving("leaving", role="heir")
    begun = time.monotonic()
    for name in NAMES:
        doomed.ask("start", name, name, error)
    results = {name: client.handle(name).result(timeout=20) for name in NAMES}
    assert time.monotonic() - begun < SOON_SECONDS, "it waited for a lease"

    for name in NAMES:
        assert results[name][0] == "doomed"
        assert set(results[name]) <= {"doomed", "heir"}
        run = place.run(name)
        assert (run.attempts, run.recoveries) == (2, 1), "it counts as a takeover"
        assert place.count_effects()[name, "fatal"] == 2
    assert doomed.ask("call_bystander", "bystander") == "doomed", "the process itself goes on"
    heir.leave()
    doomed.leave()


def test_the_caller_sees_it(place: Place, crew: Crew) -> None:
    doomed = crew.serving("leaving", role="doomed")
    assert doomed.ask("call", "a", "exit") == "SystemExit"
    assert doomed.ask("call", "b", "interrupt") == "KeyboardInterrupt"
    doomed.leave()


def test_a_program_ends_when_its_workflow_exits(place: Place, crew: Crew, client: Client) -> None:
    program = crew.run("leaving", "program", role="doomed")
    assert program.wait() == 3
    run = place.run("program")
    assert (run.status, run.recoveries) == ("ENQUEUED", 1)
    heir = crew.serving("leaving", role="heir")
    assert client.handle("program").result(timeout=SOON_SECONDS) == ["doomed", "heir"]
    heir.leave()


def test_a_run_that_ends_every_process_is_dead_until_somebody_resumes_it(place: Place) -> None:
    healed: list[bool] = []
    bodies: list[str] = []

    @step
    def harmless(run: str) -> str:
        bodies.append("harmless")
        return run

    @step
    def poison(run: str) -> str:
        bodies.append("poison")
        if not healed:
            raise SystemExit(1)
        return run

    @workflow(name=f"poisoned-{place.is_sqlite}", max_recoveries=2)
    def poisoned(run: str) -> list[str]:
        return [harmless(run), poison(run)]

    with Stepwell(place.url, settings=quick()) as engine:
        handle = poisoned.options(id="p").start("p")
        eventually(lambda: handle.status().status == "DEAD")
        # The first attempt recorded a step, so it was progress: three more without any.
        assert bodies == ["harmless"] + ["poison"] * 3
        assert "without recording a new step" in engine.explain("p")
        healed.append(True)
        assert engine.resume("p").result(timeout=20) == ["p", "p"]
        assert bodies.count("harmless") == 1
        with pytest.raises(UsageError, match="SUCCESS"):
            engine.resume("p")
