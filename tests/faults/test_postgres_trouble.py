"""The server restarts, and settings of others' making: no caller sees an error, and no run ends in one."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import psycopg
import pytest

from stepwell.testing import TemporaryPostgres
from tests.faults.kit.loads import end_load
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew, Worker


@pytest.mark.parametrize("place", ["private"], indirect=True)
def test_three_restarts_under_load(place: Place, crew: Crew, private_postgres: TemporaryPostgres) -> None:
    workers = [crew.serving("load", role=name) for name in ("a", "b")]
    for worker in workers:
        worker.ask("begin")
    for mode in ("fast", "immediate", "fast"):
        for worker in workers:
            worker.ask("progress", 30)
        private_postgres.restart(mode)
    for worker in workers:
        worker.ask("progress", 30)
    answers = [worker.ask("end") for worker in workers]
    assert [answer["errors"] for answer in answers] == [[], []]
    for worker in workers:
        worker.leave()
        assert "Traceback" not in worker.log.read_text(), worker.story()
    assert set(place.statuses()) == {"SUCCESS"}
    assert place.sql("select count(*) from workflow_status where parent_run_id is null") == [
        (sum(answer["called"] for answer in answers),)
    ]


@dataclass(frozen=True)
class Storm:
    """Settings that an administrator gives a database, and the error by which they are felt."""

    settings: dict[str, str]
    felt_as: str = ""
    #: Felt only where somebody else has locked what we need.
    by_locks: bool = False


STORMS = [
    Storm({"statement_timeout": "100ms"}, "57014", by_locks=True),
    Storm({"statement_timeout": "1ms"}, "57014"),
    Storm({"lock_timeout": "1ms"}, "55P03", by_locks=True),
    Storm({"default_transaction_isolation": "serializable"}),
    Storm({"default_transaction_isolation": "repeatable read"}),
    Storm({"default_transaction_read_only": "on"}, "25006"),
]


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_settings_of_the_database_end_no_run(place: Place, crew: Crew) -> None:
    """One storm after the other over one load: each is felt by new connections, so the old ones are cut."""
    worker = crew.serving("load", role="w")
    worker.ask("begin")
    worker.ask("progress", 20)
    for storm in STORMS:
        set_for_database(place, storm.settings)
        if storm.felt_as:
            with everything_locked(place) if storm.by_locks else contextlib.nullcontext():
                eventually(partial(_feels, worker, storm.felt_as), timeout=20)
        if storm.by_locks or not storm.felt_as:
            worker.ask("progress", 20)
        set_for_database(place, dict.fromkeys(storm.settings, ""))
        worker.ask("progress", 20)
    end_load(worker, place)
    worker.leave()


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_read_only_time_longer_than_the_lease_is_nobodys_death(place: Place, crew: Crew) -> None:
    """A failover: all can read who beats, and nobody can beat."""
    workers = [crew.serving("load", role=name) for name in ("a", "b")]
    for worker in workers:
        worker.ask("begin")
        worker.ask("progress", 10)
    set_for_database(place, {"default_transaction_read_only": "on"})
    over = "select min(lease_until) < clock_timestamp() - interval '2 s' from executors"
    eventually(lambda: place.sql(over) == [(True,)])
    set_for_database(place, {"default_transaction_read_only": ""})
    for worker in workers:
        worker.ask("progress", 10)
    answers = [worker.ask("end") for worker in workers]
    assert [(answer["errors"], answer["stuck"]) for answer in answers] == [([], 0)] * 2
    for worker in workers:
        worker.leave()
        assert "taken for dead" not in worker.log.read_text()
    assert set(place.statuses()) == {"SUCCESS"}
    assert place.sql("select count(*) from workflow_status where attempts > 1") == [(0,)]


@contextlib.contextmanager
def everything_locked(place: Place) -> Iterator[None]:
    """Somebody's migration of our tables, say: nothing can be read or written meanwhile."""
    with psycopg.connect(place.url, options="-c statement_timeout=0 -c lock_timeout=0") as session:
        session.execute("lock table stepwell.workflow_status, stepwell.operation_outputs, stepwell.executors")
        yield


def _feels(worker: Worker, code: str) -> bool:
    return code in worker.ask("health")["database"]


def set_for_database(place: Place, settings: dict[str, str]) -> None:
    """ALTER DATABASE, from a connection that is not subject to it, and cut all that do not know of it yet."""
    database = urlsplit(place.url).path[1:]
    maintenance = urlsplit(place.url)._replace(path="/postgres").geturl()
    with psycopg.connect(maintenance, autocommit=True) as session:
        for name, value in settings.items():
            to = f"= '{value}'" if value else "to default"
            session.execute(f"alter database {database} set {name} {to}".encode())
        session.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [database])
