"""What must be true after a load, whatever happened to the database meanwhile."""

from tests.faults.kit.places import Place
from tests.faults.kit.processes import Worker

#: The retried step's body runs twice by its own failure.
FLAKY = 2


def end_load(worker: Worker, place: Place, *, bodies_once: bool = True) -> int:
    """Stop the callers. No caller saw an error, and nothing is lost or doubled. Returns how many runs were called."""
    answer = worker.ask("end")
    assert answer["errors"] == [], f"callers saw errors: {answer['errors'][0]}\n{worker.story()}"
    assert answer["stuck"] == 0, f"callers still wait.\n{worker.story()}"
    assert "Traceback" not in worker.log.read_text(), f"something failed inside.\n{worker.story()}"
    statuses = place.statuses()
    assert set(statuses) == {"SUCCESS"}, f"{statuses}"
    children = place.sql("select count(*) from workflow_status where parent_run_id is not null")[0][0]
    assert statuses["SUCCESS"] - children == answer["called"], "runs and calls differ in number"
    if bodies_once:
        wrong = {
            what: times for what, times in place.count_effects().items() if times != (FLAKY if _is_flaky(what) else 1)
        }
        assert wrong == {}, "bodies ran again although nobody died"
    called: int = answer["called"]
    return called


def _is_flaky(what: tuple[object, ...]) -> bool:
    run, number = what
    kind = int(str(run).rpartition("-")[2]) % 4
    return kind in (0, 1) and number == FLAKY
