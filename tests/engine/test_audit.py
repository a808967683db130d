"""The self-audit: what the database and this process do not agree on, and what is only on its way."""

import asyncio
from typing import Any

import pytest

from stepwell import step, workflow
from tests.engine.kit import Lab, eventually, in_thread


@step
def note(what: str) -> str:
    return what


@workflow
def quick(what: str) -> str:
    return note(note(what))


def test_a_start_that_cannot_be_written_yet_is_no_doubt(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while somebody has locked the file: reads work, and what begins here is not in the database for long."""
    engine = lab.launch(sweep_interval=0.02, call_deadline=0.1)
    runtime = engine.runtime
    commit, locked, rounds = runtime.store.commit, True, [0.0]

    async def when_it_can(batch: Any) -> Any:
        while locked:
            await asyncio.sleep(0.01)
        return await commit(batch)

    owned = runtime.store.owned

    async def counted(incarnation: Any) -> Any:
        if runtime.executions:
            rounds.append(runtime.env.monotonic())
        return await owned(incarnation)

    monkeypatch.setattr(runtime.store, "commit", when_it_can)
    monkeypatch.setattr(runtime.store, "owned", counted)
    calling = in_thread(lambda: quick.options(engine=engine)("a"))
    eventually(lambda: len(rounds) > 3 and rounds[-1] - rounds[1] > 0.5, "rounds, for longer than any answer takes")
    locked = False
    assert calling.result() == "a"
    (info,) = engine.find()
    assert (info.status, info.attempts) == ("SUCCESS", 1)
