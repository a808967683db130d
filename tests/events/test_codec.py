"""Where payloads are sealed: nothing readable is in the database, and everything works all the same."""

import base64
from typing import Any

import pytest

from stepwell import Client, Stepwell, wait_for, workflow
from stepwell.model.settings import Settings
from tests.engine.kit import QUICK, Lab, eventually, names, reaches


class Base64:
    codec_id = "base64"

    def encode(self, text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def decode(self, text: str) -> str:
        return base64.b64decode(text).decode()


@workflow(
    name="sealed", on="sealed.asked", where="who == 'me'", cancel_on="sealed.over", cancel_where="event.who == q.who"
)
def sealed(q: dict[str, Any]) -> Any:
    return wait_for("sealed.answered", where=f"to == {q['who']!r}")["word"]


@pytest.fixture
def engine(lab: Lab) -> Any:
    settings = Settings(**{**QUICK, "park_after": 0.02})
    with Stepwell(lab.url, serializer=Base64(), settings=settings) as engine:
        yield engine


def test_events_start_and_wake(engine: Stepwell) -> None:
    engine.publish("sealed.asked", {"who": "me"}, id="e-1")
    handle = engine.handle("e-1:sealed")
    reaches(handle, "WAITING")
    (wait,) = engine._block(lambda runtime: runtime.store.event_waits("sealed.answered", 10**9, None, 10))
    assert wait.filter is None, "it holds what payloads hold"
    engine.publish("sealed.answered", {"to": "somebody else", "word": "no"})
    engine.publish("sealed.answered", {"to": "me", "word": "yes"})
    assert handle.result(timeout=10) == "yes"
    (rows,) = engine._block(lambda runtime: runtime.store.events_above([("sealed.answered", 0)], 10))
    assert not any("word" in row.payload for row in rows)


def test_who_cannot_read_inputs_leaves_cancelling_to_who_can(engine: Stepwell, lab: Lab) -> None:
    engine.publish("sealed.asked", {"who": "me"}, id="e-1")
    handle = engine.handle("e-1:sealed")
    eventually(lambda: "listen(sealed.answered)" in names(handle))
    with Client(lab.url) as client:
        client.publish("sealed.over", {"who": "me"})
    assert reaches(handle, "CANCELLED")
    assert handle.status().reason == "event:sealed.over"
