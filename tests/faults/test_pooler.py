"""Behind a transaction-mode pooler: no session state, no named statements, few connections."""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell import Client, Stepwell, workflow
from stepwell.testing import TemporaryPostgres
from tests.faults.kit.child import quick
from tests.faults.kit.loads import end_load
from tests.faults.kit.pgbouncer import PgBouncer
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew

CONNECTIONS_AT_MOST = 5

#: The one exception: it is sent where no pooler is, on a connection of its own.
LISTENING = re.compile(r'LISTEN "stepwell_[0-9a-f]{40}"$')

#: What a pooler in transaction mode loses or leaks: settings, advisory locks, LISTEN, cursors, temporary tables.
SESSION_STATE = re.compile(
    r"\b(set\s+(session|[a-z_]+\s*(=|to)\b)|set_config\([^)]*,\s*false\s*\)|pg_(try_)?advisory_lock\b|listen\s|"
    r"unlisten\b|declare\s|create\s+temp|prepare\s|deallocate\b|discard\b)",
    re.IGNORECASE,
)


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_load_through_pgbouncer(place: Place, crew: Crew) -> None:
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian, Ubuntu: apt-get install pgbouncer)")
    with PgBouncer(program, place.url, pool_size=3) as pooler:
        workers = [crew.serving("load", role=name, url=pooler.url) for name in ("a", "b")]
        for worker in workers:
            worker.ask("begin")
        for worker in workers:
            worker.ask("progress", 80)
        first = workers[0].ask("end")
        assert (first["errors"], first["stuck"]) == ([], 0)
        workers[0].leave()
        second = workers[1].ask("end")
        assert (second["errors"], second["stuck"]) == ([], 0)
        workers[1].leave()
    for worker in workers:
        assert "database trouble" not in worker.log.read_text(), worker.story()
    roots = place.sql("select count(*) from workflow_status where parent_run_id is null and status = 'SUCCESS'")
    assert roots == [(first["called"] + second["called"],)]
    assert set(place.statuses()) == {"SUCCESS"}


@pytest.fixture
def talkative_place(tmp_path: Path) -> Iterator[tuple[Place, TemporaryPostgres]]:
    """A server that logs every statement."""
    with TemporaryPostgres(fsync=False, settings={"log_statement": "all", "log_line_prefix": "%a|"}) as server:
        yield Place(server.create_database("runs"), tmp_path), server


def test_what_a_pooler_could_not_bear_is_never_sent(talkative_place: tuple[Place, TemporaryPostgres]) -> None:
    place, server = talkative_place
    crew = Crew(place)
    try:
        worker = crew.serving("load", role="w", url=place.url + "?application_name=engine")
        worker.ask("begin")
        connections = []
        for _ in range(15):
            worker.ask("progress", 6)
            connections += server.execute("select count(*) from pg_stat_activity where application_name = 'engine'")
        end_load(worker, place)
        worker.leave()
    finally:
        crew.end()
    assert max(connections)[0] <= CONNECTIONS_AT_MOST

    sent = [line for line in server.log().splitlines() if line.startswith("engine|")]
    assert any("execute <unnamed>" in line for line in sent), "the log shows no statements"
    named = [line for line in sent if re.search(r"LOG:  execute (?!<unnamed>)", line)]
    assert named == []
    kept = [line for line in sent if "<unnamed>" in line and SESSION_STATE.search(line)]
    kept += [line for line in sent if "statement: " in line and SESSION_STATE.search(line)]
    listening = [line for line in kept if LISTENING.search(line)]
    assert len(listening) == 2  # on channels of the namespace and of the schema, once
    assert [line for line in kept if line not in listening] == []


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_behind_a_pooler_everybody_looks_instead_of_listening(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian, Ubuntu: apt-get install pgbouncer)")

    @workflow(name="behind", replace=True)
    def behind() -> str:
        return "done"

    caplog.set_level(logging.INFO)
    deaf = quick(poll_interval=60.0, sweep_interval=60.0)
    with (
        PgBouncer(program, place.url, pool_size=3) as pooler,
        Stepwell(pooler.url, settings=quick()) as engine,
        Client(pooler.url, settings=quick()) as client,
    ):
        assert client.start(behind).result(timeout=30) == "done"
        assert not engine.runtime.hints.arrive
        # A LISTEN would have stayed behind on a server connection that others use.
        assert place.sql("select count(*) from pg_stat_activity where query ilike 'listen%'") == [(0,)]
        # Who does not pass through the pooler listens, and hears those who do.
        with (
            Stepwell(place.url, settings=deaf, name="direct") as direct,
            Client(pooler.url, settings=quick(), name="direct") as other,
        ):
            eventually(lambda: direct.runtime.hints.arrive)
            assert other.start(behind).result(timeout=30) == "done"
    said = [record.getMessage() for record in caplog.records if "does not hear" in record.getMessage()]
    assert len(said) >= 1
    assert all("pooler" in line for line in said)
    loud = [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]
    assert [line for line in loud if " is off: " not in line] == []  # of the test's server
