"""What one engine does, another notices at once; and without hints a little later."""

import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

import stepwell
from stepwell import Client, Settings, Stepwell, WorkflowCancelled, step, workflow
from stepwell.services import dispatcher
from stepwell.store.faults import StoreFault
from stepwell.store.postgres import listening
from tests.engine.kit import Gate, Lab, eventually, reaches

#: Nothing is found by looking within a test.
DEAF: dict[str, Any] = {"poll_interval": 60.0, "sweep_interval": 60.0, "lease": 180.0, "drain": 0.5}
PATIENCE = 20.0


@step
def note(what: str) -> str:
    return what


@workflow
def quick(what: str) -> str:
    return note(what)


@workflow
def sleeper() -> None:
    for _ in range(10_000):
        stepwell.sleep(1)


@pytest.fixture
def client(database_url: str, lab: Lab) -> Iterator[Client]:
    with Client(database_url, settings=Settings(poll_interval=60.0)) as client:
        yield client


def worker(lab: Lab, **settings: Any) -> Stepwell:
    engine = lab.launch(**{**DEAF, **settings})
    if lab.url.startswith("postgres") and engine.settings.notify:
        eventually(lambda: engine.runtime.hints.arrive, "hints to arrive")
    return engine


def test_an_idle_worker_begins_what_others_enqueue(lab: Lab, client: Client) -> None:
    worker(lab)
    assert client.start(quick, "a").result(timeout=PATIENCE) == "a"


def test_a_running_workflow_learns_that_it_is_cancelled(lab: Lab, client: Client) -> None:
    worker(lab, park_after=3600.0)
    handle = client.start(sleeper)
    reaches(handle, "PENDING")
    handle.cancel()
    with pytest.raises(WorkflowCancelled):
        handle.result(timeout=PATIENCE)


def test_a_parked_workflow_learns_that_it_is_cancelled(lab: Lab, client: Client) -> None:
    worker(lab, park_after=0.02)

    @workflow(name="parked", replace=True)
    def parked() -> None:
        stepwell.sleep(3600)

    handle = client.start(parked)
    reaches(handle, "WAITING")
    handle.cancel()
    with pytest.raises(WorkflowCancelled):
        handle.result(timeout=PATIENCE)


def test_a_parked_workflow_learns_of_an_end_elsewhere(lab: Lab) -> None:
    gate = Gate()

    @workflow(name="held", replace=True)
    def held() -> str:
        gate.hold()
        return "held"

    @workflow(name="waits", replace=True)
    def waits() -> Any:
        return held.handle("h").result()

    first, second = worker(lab, park_after=0.02), worker(lab, park_after=0.02)
    other = held.options(id="h", engine=first).start()
    gate.reached.wait()
    handle = waits.options(engine=second).start()
    reaches(handle, "WAITING")
    gate.open()
    assert handle.result(timeout=PATIENCE) == other.result(timeout=PATIENCE) == "held"


def test_a_delayed_start_is_on_time_although_looks_are_rare(
    lab: Lab, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gives a hint that its time has come."""
    monkeypatch.setattr(dispatcher, "_SAFETY_SECONDS", 60.0)
    worker(lab, poll_interval=0.1)
    assert client.start(quick.options(delay=1.0), "late").result(timeout=PATIENCE) == "late"


@pytest.mark.parametrize("park_after", [0.02, 3600.0])
def test_without_hints_looking_finds_it_all(database_url: str, lab: Lab, park_after: float) -> None:
    engine = worker(lab, notify=False, poll_interval=0.05, park_after=park_after)
    assert not engine.runtime.hints.arrive
    with Client(database_url, settings=Settings(notify=False)) as client:
        assert client.start(quick, "a").result(timeout=PATIENCE) == "a"
        handle = client.start(sleeper)
        reaches(handle, "PENDING", "WAITING")
        handle.cancel()
        with pytest.raises(WorkflowCancelled):
            handle.result(timeout=PATIENCE)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_when_the_listening_connection_is_lost_looking_takes_over(
    lab: Lab, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 3600.0)  # until the test lets it go on
    caplog.set_level(logging.INFO, "stepwell.engine")
    engine = worker(lab, poll_interval=0.1)
    with psycopg.connect(lab.url, autocommit=True) as bystander:
        killed = bystander.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
        ).fetchall()
    assert killed
    eventually(lambda: not engine.runtime.hints.arrive, "the loss to be noticed")
    handle = client.start(sleeper)
    reaches(handle, "PENDING", "WAITING")
    handle.cancel()
    with pytest.raises(WorkflowCancelled):
        handle.result(timeout=PATIENCE)
    ours = [record.getMessage() for record in caplog.records if "hear" in record.getMessage()]
    assert len(ours) == 1
    assert "looks every 0.1 s instead" in ours[0]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_hints_come_back(lab: Lab, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 0.01)
    engine = worker(lab)
    with psycopg.connect(lab.url, autocommit=True) as bystander:
        link = engine.runtime.store._listening.link
        before = link.greeted_by
        bystander.execute("SELECT pg_terminate_backend(%s)", (before,))

        def listens_again() -> bool:
            try:
                return engine.runtime.hints.arrive and link.greeted_by != before
            except StoreFault:
                return False  # the connection is gone, and not noticed yet

        eventually(listens_again, "hints to arrive again")
    assert client.start(quick, "a").result(timeout=PATIENCE) == "a"


def test_a_listener_that_breaks_is_started_again(lab: Lab, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepwell.core.hints._RESTART_SECONDS", 0.01)
    engine = lab.engine(**DEAF)
    broken = [ZeroDivisionError("a bug")]
    real = engine._open_store

    def open_store() -> Any:
        store = real()
        listen = store.listen

        async def once_broken(ear: Any) -> None:
            if broken:
                raise broken.pop()
            await listen(ear)

        monkeypatch.setattr(store, "listen", once_broken)
        return store

    monkeypatch.setattr(engine, "_open_store", open_store)
    engine.launch()
    eventually(lambda: not broken)
    assert client.start(quick, "a").result(timeout=PATIENCE) == "a"
