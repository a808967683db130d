"""While the database is away: callers from outside are told, workflows wait, a process can leave."""

import pytest

from stepwell.testing import TemporaryPostgres
from tests.faults.kit.places import Place
from tests.faults.kit.processes import Crew

PATIENCE_SECONDS = 2.0

pytestmark = pytest.mark.parametrize("place", ["private"], indirect=True)


def test_callers_are_told_and_workflows_wait(place: Place, crew: Crew, private_postgres: TemporaryPostgres) -> None:
    worker = crew.serving("waiting", call_patience=PATIENCE_SECONDS)
    worker.ask("begin")
    worker.expect("at the gate")
    worker.expect("at the gate")
    worker.ask("take_handles")
    private_postgres.shut_down()
    worker.ask("go_on")
    answers = worker.ask("from_outside")
    assert {name: answer for name, (answer, _) in answers.items()} == dict.fromkeys(answers, "StoreUnavailable")
    # The last attempt may have begun just before the patience ended.
    assert all(PATIENCE_SECONDS <= took < PATIENCE_SECONDS + 6 for _, took in answers.values()), answers
    assert worker.ask("wait_for", "def", 0.2) == "WaitTimeout"
    assert ["def", "after"] not in [words for _, *words in place.effects()], "it ran on without its record"

    private_postgres.start()
    for run in ("def", "async"):
        assert worker.ask("wait_for", run, 30) == [run, run]
    assert place.count_effects()["def", "gate"] == place.count_effects()["async", "gate"] == 1
    assert place.sql("select count(*) from workflow_status where status not in ('SUCCESS')") == [(0,)], (
        "a call that was refused has left something behind"
    )
    worker.leave()


def test_a_process_may_leave_while_the_database_is_away(
    place: Place, crew: Crew, private_postgres: TemporaryPostgres
) -> None:
    old = crew.serving("waiting", call_deadline=1.0, drain=0.1)
    old.ask("begin")
    old.expect("at the gate")
    old.expect("at the gate")
    private_postgres.shut_down()
    old.leave(timeout=20)
    private_postgres.start()
    assert place.statuses() == {"PENDING": 2}, "it could tell nobody that it left"
    heir = crew.serving("waiting")
    heir.ask("go_on")
    heir.ask("take_handles")
    for run in ("def", "async"):
        assert heir.ask("wait_for", run, 30) == [run, run]
    heir.leave()
