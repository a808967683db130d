"""What one process writes, another that waits for it notices at once; nothing is found by looking within a test."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest

import stepwell
from stepwell import Client, Settings, Stepwell, TokenFailed, recv, set_event, step, workflow, write_stream
from tests.engine.kit import Gate, Lab, eventually, in_thread, reaches
from tests.engine.test_hints import DEAF, PATIENCE

gates: list[Gate] = []


@pytest.fixture(autouse=True)
def never_by_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST_POLL_SECONDS", "_IDLE_POLL_SECONDS", "_SAFETY_POLL_SECONDS"):
        monkeypatch.setattr(f"stepwell.core.facts.{name}", 60.0)
    gates[:] = [Gate()]


@pytest.fixture
def client(database_url: str, lab: Lab) -> Iterator[Client]:
    with Client(database_url, settings=Settings(poll_interval=60.0)) as client:
        yield client


def worker(lab: Lab, **settings: Any) -> Stepwell:
    engine = lab.launch(**{**DEAF, **settings})
    if lab.url.startswith("postgres"):
        eventually(lambda: engine.runtime.hints.arrive, "hints to arrive")
    return engine


@step
def hold() -> None:
    gates[0].hold()


@workflow(name="hints:receives")
def receives() -> Any:
    return recv("t")


@workflow(name="hints:asks")
def asks() -> str:
    answer = stepwell.token(str)
    set_event("id", answer.id)
    try:
        return answer.wait()
    except TokenFailed as failure:
        return f"failed: {failure}"


@workflow(name="hints:shows")
def shows() -> None:
    hold()
    set_event("e", 1)
    write_stream("s", 2)


@workflow(name="hints:looks")
def looks(what: str) -> Any:
    if what == "event":
        return stepwell.get_event("shown", "e")
    if what == "stream":
        return next(stepwell.read_stream("shown", "s"))
    return stepwell.get_event("shown", "never", default="ended")


@pytest.mark.parametrize("park_after", [0.02, 3600.0], ids=["parked", "waiting"])
def test_a_message(lab: Lab, client: Client, park_after: float) -> None:
    engine = worker(lab, park_after=park_after)
    handle = client.start(receives)
    if park_after < 1:
        reaches(handle, "WAITING")
    else:
        eventually(lambda: engine.runtime.facts._mail)
    client.send(handle.id, "hello", "t")
    assert handle.result(timeout=PATIENCE) == "hello"


@workflow(name="hints:counts")
async def counts(expected: int) -> int:
    return sum([await stepwell.aio.recv("t", type=int) for _ in range(expected)])


def test_more_messages_than_an_answer_holds(lab: Lab, client: Client) -> None:
    """What is received and not recorded yet fills an answer: what lies behind it is found without another hint."""
    handle = client.start(counts.sync, 1000)
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(lambda _: client.send(handle.id, 1, "t"), range(1000)))
    worker(lab)
    assert handle.result(timeout=PATIENCE) == 1000


@pytest.mark.parametrize("verb", ["complete", "fail"])
@pytest.mark.parametrize("park_after", [0.02, 3600.0], ids=["parked", "waiting"])
def test_a_token(lab: Lab, client: Client, park_after: float, verb: str) -> None:
    engine = worker(lab, park_after=park_after)
    handle = client.start(asks)
    if park_after < 1:
        reaches(handle, "WAITING")
    else:
        eventually(lambda: engine.runtime.facts._mail)
    token_id = client.get_event(handle.id, "id")
    client.complete(token_id, "hello") if verb == "complete" else client.fail(token_id, "no")
    assert handle.result(timeout=PATIENCE) == ("hello" if verb == "complete" else "failed: no")


@pytest.mark.parametrize("park_after", [0.02, 3600.0], ids=["parked", "waiting"])
@pytest.mark.parametrize(("what", "found"), [("event", 1), ("stream", 2), ("never", "ended")])
def test_an_event_an_entry_and_an_end(lab: Lab, park_after: float, what: str, found: Any) -> None:
    first, second = worker(lab), worker(lab, park_after=park_after)
    shown = shows.options(id="shown", engine=first).start()
    gates[0].reached.wait()
    handle = looks.options(engine=second).start(what)
    if park_after < 1:
        reaches(handle, "WAITING")
    else:
        eventually(lambda: second.runtime.facts._events or second.runtime.facts._streams)
    gates[0].open()
    assert handle.result(timeout=PATIENCE) == found
    shown.result(timeout=PATIENCE)


def test_a_client_that_waits_for_an_event(lab: Lab, client: Client) -> None:
    worker(lab)
    client.start(shows.options(id="shown"))
    gates[0].reached.wait()
    waiting = in_thread(lambda: client.handle("shown").get_event("e"))
    eventually(lambda: client.runtime.facts._events)
    if lab.url.startswith("postgres"):
        eventually(lambda: client.runtime.hints.arrive)
    gates[0].open()
    assert waiting.result() == 1


def test_a_start_in_the_callers_transaction(lab: Lab) -> None:
    engine = worker(lab)
    path = lab.url.removeprefix("sqlite:///").partition("?")[0]
    connect = psycopg.connect if lab.url.startswith("postgres") else sqlite3.connect
    with closing(connect(lab.url if connect is psycopg.connect else path)) as conn:
        handle = receives.options(conn=conn, id="r").start()
        conn.commit()
    eventually(lambda: engine.runtime.facts._mail, "the run to begin")
    engine.send("r", "hello", "t")
    assert handle.result(timeout=PATIENCE) == "hello"


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_who_hears_looks_rarely(lab: Lab, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured against one that does not hear, and looks all the time."""
    for name in ("_FIRST_POLL_SECONDS", "_IDLE_POLL_SECONDS"):
        monkeypatch.setattr(f"stepwell.core.facts.{name}", 0.01)
    hearing, deaf = worker(lab), lab.launch(**DEAF, notify=False)
    told, untold = (receives.options(engine=engine).start() for engine in (hearing, deaf))
    shown = in_thread(lambda: client.get_event(told.id, "never", default="ended"))
    eventually(lambda: hearing.runtime.facts._mail and deaf.runtime.facts._mail and client.runtime.hints.arrive)
    both = (hearing.runtime.facts, client.runtime.facts)
    before, target = [facts.queries for facts in both], deaf.runtime.facts.queries + 100
    eventually(lambda: deaf.runtime.facts.queries > target)
    assert [facts.queries - already < 10 for facts, already in zip(both, before, strict=True)] == [True, True]
    for handle in (told, untold):
        client.send(handle.id, "hello", "t")
        assert handle.result(timeout=PATIENCE) == "hello"
    assert shown.result() == "ended"
