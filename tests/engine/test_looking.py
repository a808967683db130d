"""find, count and explain."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import stepwell
from stepwell import Client, InvalidArgument, Retry, Stepwell, step, workflow
from tests.engine.kit import PATIENCE_SECONDS, Exits, Gate, Lab, eventually, forget, reaches


@workflow
def good(n: int) -> int:
    return n


@workflow
def bad(n: int) -> int:
    raise ValueError(n)


@pytest.fixture
def stocked(engine: Stepwell) -> Stepwell:
    for n in range(6):
        good.options(id=f"good-{n}", attributes={"parity": n % 2, "tags": {"n": n}})(n)
    for n in range(3):
        with pytest.raises(ValueError, match=str(n)):
            bad.options(id=f"bad-{n}", attributes={"parity": n % 2})(n)
    return engine


def ids(found: Any) -> list[str]:
    return [each.workflow_id for each in found]


def test_newest_first(stocked: Stepwell) -> None:
    assert ids(stocked.find()) == ["bad-2", "bad-1", "bad-0", *(f"good-{n}" for n in range(5, -1, -1))]
    assert stocked.count() == len(stocked.find()) == 9


FILTERS: list[tuple[dict[str, Any], int]] = [
    ({"name": "tests.engine.test_looking:bad"}, 3),
    ({"name": "nobody"}, 0),
    ({"status": "SUCCESS"}, 6),
    ({"status": ["ERROR", "SUCCESS"]}, 9),
    ({"status": "ENQUEUED"}, 0),
    ({"id_prefix": "good"}, 6),
    ({"id_prefix": "good-3"}, 1),
    ({"id_prefix": "%"}, 0),
    ({"id_prefix": "_"}, 0),
    ({"attributes": {"parity": 1}}, 4),
    ({"attributes": {"parity": 1}, "status": "ERROR"}, 1),
    ({"attributes": {"tags": {"n": 4}}}, 1),
    ({"attributes": {"parity": "1"}}, 0),
    ({"since": datetime(2001, 1, 1, tzinfo=UTC)}, 9),
    ({"until": datetime(2001, 1, 1, tzinfo=UTC)}, 0),
    ({"since": datetime.now(UTC) + timedelta(days=300)}, 0),
]


def test_filters(stocked: Stepwell) -> None:
    for where, expected in FILTERS:
        assert len(stocked.find(**where)) == stocked.count(**where) == expected, where


def test_pages(stocked: Stepwell) -> None:
    def pages() -> Iterator[list[str]]:
        after = None
        while True:
            page = stocked.find(limit=4, after=after)
            yield ids(page)
            if page.after is None:
                return
            after = page.after

    found = list(pages())
    assert [len(each) for each in found] == [4, 4, 1]
    assert [each for page in found for each in page] == ids(stocked.find())


def test_a_listing_has_no_payloads(stocked: Stepwell) -> None:
    [found] = stocked.find(id_prefix="good-3")
    assert (found.input, found.output) == (None, None)
    whole = stocked.handle("good-3").status()
    assert whole.output == "3"
    assert whole.input is not None


BAD_FILTERS: list[dict[str, Any]] = [
    {"limit": 0},
    {"limit": -1},
    {"limit": True},
    {"limit": 10**9},
    {"status": "DONE"},
    {"status": ["SUCCESS", "nope"]},
    {"after": "not from a page"},
    {"since": datetime(2001, 1, 1)},
    {"name": "nul\0"},
    {"id_prefix": "\udc80"},
    {"attributes": {"bad": object()}},
]


def test_bad_filters_are_refused(engine: Stepwell) -> None:
    for where in BAD_FILTERS:
        with pytest.raises(InvalidArgument):
            engine.find(**where)


# -- explain -------------------------------------------------------------------------------------------------


def test_explain_what_has_ended(stocked: Stepwell) -> None:
    assert stocked.explain("good-1").startswith("SUCCESS since ")
    assert stocked.explain("bad-1").startswith("ERROR since ")


def test_explain_a_cancelled_one(engine: Stepwell) -> None:
    handle = good.options(delay=3600).start(1)
    assert "not before" in engine.explain(handle.id)
    handle.cancel()
    assert engine.explain(handle.id).startswith("CANCELLED")
    assert "cancel" in engine.explain(handle.id)


def test_explain_enqueued_when_no_process_runs(lab: Lab) -> None:
    with Client(lab.url) as client:
        handle = good.start(1)
        assert "no process is running" in client.explain(handle.id)


def test_explain_enqueued_when_none_serves_it(lab: Lab) -> None:
    @workflow(name="foreign", replace=True)
    def foreign() -> None: ...

    with Client(lab.url) as client:
        handle = foreign.start()
        forget("foreign")
        with lab.engine():
            assert "none of them serves foreign" in client.explain(handle.id)


def test_explain_enqueued_for_an_app_of_which_no_process_runs(lab: Lab) -> None:
    with Client(lab.url) as client, lab.engine("orders"):
        handle = good.options(engine=client).start(1)
        told = client.explain(handle.id)
        assert "no process of app 'default' in namespace 'default' serves tests.engine.test_looking:good" in told
        assert "'orders' in 'default'" in told
    with lab.engine():
        assert handle_of(lab, handle.id) == 1


def handle_of(lab: Lab, workflow_id: str) -> int:
    """The result that a process of the right app gives."""
    with Client(lab.url) as client:
        result: int = client.handle(workflow_id).result(timeout=PATIENCE_SECONDS)
        return result


def test_explain_a_running_one(engine: Stepwell) -> None:
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="explained", replace=True)
    async def explained() -> None:
        await stepwell.aio.sleep(0)
        await hold()

    handle = explained.sync.options(id="e").start()
    gate.reached.wait()
    told = engine.explain("e")
    assert told.startswith("PENDING: executing in default@")
    assert "1 operation recorded, the last of them 'sleep'" in told
    gate.open()
    handle.result()


def test_explain_a_retry(engine: Stepwell) -> None:
    @step(retry=Retry(1, first=4.0, jitter=False))
    async def flaky() -> None:
        raise ConnectionError

    @workflow(name="explained", replace=True)
    async def explained() -> None:
        await flaky()

    explained.sync.options(id="e").start()
    eventually(lambda: "flaky: attempt 1 failed, the next is due in" in engine.explain("e"))
    engine.cancel("e", force=True)


def test_explain_a_waiting_one(lab: Lab) -> None:
    @workflow(name="explained", replace=True)
    def explained() -> None:
        stepwell.sleep(3600)

    with lab.engine(park_after=0.02) as engine:
        reaches(explained.options(id="e").start(), "WAITING")
        told = engine.explain("e")
        assert told.startswith("WAITING: parked")
        assert "sleep for another 3" in told


def test_explain_a_dead_one(engine: Stepwell) -> None:
    exits = Exits(100)

    @step
    def leave() -> None:
        exits()

    @workflow(name="explained", max_recoveries=2, replace=True)
    def explained() -> None:
        leave()

    reaches(explained.options(id="e").start(), "DEAD")
    assert engine.explain("e").startswith("DEAD: ")
    assert "resume e" in engine.explain("e")
