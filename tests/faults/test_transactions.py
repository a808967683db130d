"""A process is stopped between a transaction's body and its commit, for longer than its lease: it is fenced."""

import signal
from pathlib import Path

import pytest

from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew


@pytest.fixture
def place(postgres_url: str, tmp_path: Path) -> Place:
    """Postgres: a stopped process holds a SQLite file's lock, and nobody can take anything over."""
    place = Place(postgres_url, tmp_path)
    place.sql("select 1")
    return place


@pytest.mark.parametrize("stopped", [signal.SIGSTOP, signal.SIGKILL])
def test_stopped_before_its_commit(place: Place, crew: Crew, stopped: signal.Signals) -> None:
    import psycopg

    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.ledger (entry text)")
    first = crew.serving("transacting", role="waits")
    first.expect("written")
    first.signal(stopped)
    crew.serving("transacting", role="takes over")
    eventually(lambda: place.run("w").status == "SUCCESS", timeout=60)
    if stopped == signal.SIGSTOP:
        first.tell("go on")
        first.signal(signal.SIGCONT)
        assert first.expect("result") == ["added e in takes over"], "it learns of the new owner's outcome"
    assert place.sql("select entry from public.ledger") == [("e",)]
    assert place.count_effects() == {("body", "e"): 2}
    (recorded,) = place.recorded()
    assert (recorded.name, recorded.ended) == ("add", "ok")
