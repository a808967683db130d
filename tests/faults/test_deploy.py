"""A rolling deploy: the new process is up, the old one goes. Nothing is stranded, and nothing done again in vain."""

import signal
import time
from typing import Any

import pytest

from stepwell import Client, Workflow
from tests.faults.apps import deploy
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew


def _start_all(client: Client) -> dict[str, object]:
    """Runs of every kind; what each must end with."""
    workflows: dict[str, Workflow[..., Any]] = {
        "many": deploy.many,
        "waits": deploy.waits,
        "waits_async": deploy.waits_async.sync,
        "stuck": deploy.stuck,
    }
    expected: dict[str, object] = {}
    for number in range(3):
        for name, body in workflows.items():
            run = f"{name}-{number}"
            body.options(engine=client, id=run).start(run)
            expected[run] = {"many": sum(range(150)), "stuck": "new"}.get(name, 1)
    return expected


@pytest.mark.parametrize("last_word", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_nothing_is_stranded(place: Place, crew: Crew, client: Client, last_word: signal.Signals) -> None:
    old = crew.serving("deploy", role="old")
    expected = _start_all(client)
    for _ in range(3):
        old.expect("in the long step")
    new = crew.serving("deploy", role="new")
    eventually(lambda: place.count_effects()["many-2", 60])  # about two seconds
    if last_word is signal.SIGTERM:
        # Started last, so still under way: the drain lets it end where it is.
        deploy.short.options(engine=client, id="short").start("short")
    old.signal(last_word)
    status = old.wait(timeout=10)
    gone = time.monotonic()
    results = {run: client.handle(run).result(timeout=40) for run in expected}
    took = time.monotonic() - gone

    assert results == expected
    if last_word is signal.SIGTERM:
        assert status == 0
        assert took < 4.0, "the others have waited for a lease although the runs were released"
        assert all(place.run(run).recoveries == 0 for run in expected), "a drain is no takeover"
        assert client.handle("short").result(timeout=10) == sum(range(10))
    repeated = {what: times for what, times in place.count_effects().items() if times > 1}
    # What was under way in the old process when it ended is all that may have been done twice.
    assert all(times == 2 for times in repeated.values())
    assert len([what for what in repeated if what[1] != "long"]) <= 3 + 3
    new.signal(signal.SIGTERM)
    assert new.wait() == 0
    assert place.sql("select label from executors") == [], "who leaves takes its row along"
