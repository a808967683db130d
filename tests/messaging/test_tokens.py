"""Tokens: completed once, by whoever has the id; forged, expired and used ones touch nothing."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import stepwell
from stepwell import (
    Client,
    ConfigurationError,
    InvalidArgument,
    NotInWorkflow,
    Settings,
    Stepwell,
    StepwellError,
    TokenExpired,
    TokenFailed,
    TokenInvalid,
    TokenUsed,
    UnreadablePayload,
    WaitTimeout,
    WorkflowEnded,
    step,
    token,
    workflow,
)
from tests.engine.kit import Exits, Lab, eventually, reaches

SECRET = "a secret of sixteen characters and more"


@dataclass
class Approval:
    granted: bool
    by: str = "?"


@workflow
def asks(expires: float | None, timeout: float | None) -> Any:
    t = token(Approval, expires=expires)
    stepwell.set_event("token", [t.id, t.url])
    return t.wait(timeout=timeout)


@workflow
async def asks_async(expires: float | None, timeout: float | None) -> Any:
    t = await stepwell.aio.token(Approval, expires=expires)
    await stepwell.aio.set_event("token", [t.id, t.url])
    return await t.wait(timeout=timeout)


ASKING = pytest.mark.parametrize("asking", [asks, asks_async.sync], ids=["def", "async"])


def token_of(handle: Any) -> str:
    return str(handle.get_event("token", timeout=10)[0])


@ASKING
@pytest.mark.parametrize("value", [Approval(True, "ada"), {"granted": True, "by": "ada"}])
def test_a_value(engine: Stepwell, asking: Any, value: Any) -> None:
    handle = asking.start(None, None)
    engine.complete(token_of(handle), value)
    assert handle.result(timeout=10) == Approval(True, "ada")
    assert [each.kind for each in handle.steps()] == ["token", "set_event", "recv"]


@ASKING
@pytest.mark.parametrize(("error", "raised"), [(PermissionError("no"), PermissionError), ("no", TokenFailed)])
def test_a_failure(engine: Stepwell, asking: Any, error: Any, raised: type[Exception]) -> None:
    handle = asking.start(None, None)
    engine.fail(token_of(handle), error)
    with pytest.raises(raised, match="no"):
        handle.result(timeout=10)


def test_it_works_once(engine: Stepwell) -> None:
    handle = asks.start(None, None)
    id = token_of(handle)
    engine.complete(id, Approval(True))
    with pytest.raises(TokenUsed):
        engine.complete(id, Approval(False))
    with pytest.raises(TokenUsed):
        engine.fail(id, "no")
    assert handle.result(timeout=10) == Approval(True)
    with pytest.raises(TokenUsed):
        engine.complete(id, Approval(True))


def test_many_at_once_and_one_wins(engine: Stepwell) -> None:
    handle = asks.start(None, None)
    id = token_of(handle)

    async def all_of_them() -> list[Any]:
        calls = (engine.aio.complete(id, Approval(True, str(n))) for n in range(20))
        return list(await asyncio.gather(*calls, return_exceptions=True))

    ended = asyncio.run(all_of_them())
    assert [type(each) for each in ended].count(TokenUsed) == 19
    assert handle.result(timeout=10) == Approval(True, str(ended.index(None)))


def other_run(id: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(id + "=" * (-len(id) % 4)))
    raw[5] ^= 1
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


FORGED: list[Callable[[str], Any]] = [
    lambda id: "",
    lambda id: "nonsense",
    lambda id: "é" * 20,
    lambda id: 3,
    lambda id: id[:-1],
    lambda id: id + "A",
    lambda id: "B" + id[1:],
    lambda id: id[:-4] + "AAAA",
    lambda id: "A" * 76,
    lambda id: "A" * 1000,
    other_run,
]


@pytest.mark.parametrize("forge", FORGED)
def test_forged_ones_touch_nothing(engine: Stepwell, forge: Callable[[str], Any]) -> None:
    handle = asks.start(None, None)
    id = token_of(handle)
    with pytest.raises(TokenInvalid):
        engine.complete(forge(id), Approval(True))
    engine.complete(id, Approval(False))
    assert handle.result(timeout=10) == Approval(False)


def test_of_another_secret(lab: Lab) -> None:
    with lab.engine(token_secret=SECRET) as first:
        handle = asks.options(id="a").start(None, None)
        id = token_of(handle)
        with Client(lab.url, settings=Settings(token_secret=SECRET[::-1])) as client, pytest.raises(TokenInvalid):
            client.complete(id, Approval(True))
        with Client(lab.url, settings=Settings(token_secret=SECRET)) as client:
            client.complete(id, Approval(True))
        assert handle.result(timeout=10) == Approval(True)
        first.close()


def test_of_another_namespace(lab: Lab) -> None:
    with lab.engine(token_secret=SECRET):
        handle = asks.options(id="a").start(None, None)
        id = token_of(handle)
        same_secret = Settings(token_secret=SECRET)
        with (
            Client(lab.url, namespace="other", settings=same_secret) as client,
            pytest.raises(TokenInvalid, match="namespace"),
        ):
            client.complete(id, Approval(True))
        with Client(lab.url, namespace="other") as client, pytest.raises(TokenInvalid, match="signed"):
            client.complete(id, Approval(True))


def test_all_processes_share_the_secret(lab: Lab) -> None:
    with lab.engine():
        id = token_of(asks.options(id="a").start(None, None))
    with Client(lab.url) as client:
        client.complete(id, Approval(True))
    with lab.engine() as third:
        assert third.handle("a").result(timeout=10) == Approval(True)


@ASKING
def test_expired(lab: Lab, asking: Any) -> None:
    with lab.engine(call_deadline=0.3) as engine:
        handle = asking.start(0.2, None)
        id = token_of(handle)
        with pytest.raises(WaitTimeout):
            handle.result(timeout=10)
        with pytest.raises(TokenExpired):
            engine.complete(id, Approval(True))
        engine.complete(token_of(asking.start(60, None)), Approval(True))


@ASKING
def test_the_wait_has_a_timeout_of_its_own(engine: Stepwell, asking: Any) -> None:
    handle = asking.start(3600, 0.05)
    id = token_of(handle)
    with pytest.raises(WaitTimeout):
        handle.result(timeout=10)
    with pytest.raises(WorkflowEnded):
        engine.complete(id, Approval(True))


def test_a_default(engine: Stepwell) -> None:
    @workflow(name="default", replace=True)
    def flow() -> list[Any]:
        t = token(Approval)
        return [t.wait(timeout=0, default=None), repr(t)]

    assert flow() == [None, "<Token of Approval>"]


def test_a_replay_has_the_same_id_and_answer(engine: Stepwell) -> None:
    exits = Exits(2)
    seen: set[str] = set()

    @step
    def leave() -> None:
        exits()

    @workflow(name="again", replace=True)
    def again() -> Any:
        t, other = token(Approval), token(Approval)
        seen.update((t.id, other.id))
        stepwell.set_event("token", [t.id, None])
        leave()
        return t.wait()

    handle = again.start()
    engine.complete(token_of(handle), Approval(True))
    assert handle.result(timeout=10) == Approval(True)
    assert len(seen) == 2


def test_completed_while_parked_and_from_a_workflow(lab: Lab) -> None:
    engine = lab.launch(park_after=0.02)

    @workflow(name="answers", replace=True)
    def answers(id: str) -> None:
        engine.complete(id, Approval(True, "a workflow"))

    handle = asks.options(id="a").start(None, None)
    id = token_of(handle)
    reaches(handle, "WAITING")
    answers.start(id).result(timeout=10)
    assert handle.result(timeout=10) == Approval(True, "a workflow")
    with pytest.raises(TokenUsed):
        answers.start(id).result(timeout=10)


def test_of_a_type_that_does_not_fit(engine: Stepwell) -> None:
    handle = asks.start(None, None)
    engine.complete(token_of(handle), [1, 2])
    with pytest.raises(UnreadablePayload):
        handle.result(timeout=10)


def test_nobody_else_can_send_there(engine: Stepwell) -> None:
    handle = asks.options(id="a").start(None, None)
    token_of(handle)
    with pytest.raises(InvalidArgument, match="!stepwell"):
        engine.send("a", Approval(True), "!stepwell:token:00")
    handle.cancel()


def test_the_url(lab: Lab) -> None:
    with lab.engine(token_url="https://shop.example/approve/{token}?x=1"):
        id, url = asks.start(None, 5).get_event("token", timeout=10)
        assert url == f"https://shop.example/approve/{id}?x=1"
    with lab.engine():
        assert asks.start(None, 5).get_event("token", timeout=10)[1] is None


@pytest.mark.parametrize("bad", [{"token_secret": "short"}, {"token_secret": b"x" * 20}, {"token_url": "https://x"}])
def test_bad_settings(bad: Any) -> None:
    with pytest.raises(ConfigurationError, match="token"):
        Settings(**bad)


def test_bad_arguments(engine: Stepwell) -> None:
    with pytest.raises(NotInWorkflow):
        token(Approval)
    with pytest.raises(InvalidArgument, match="error"):
        engine.fail("x", 3)  # type: ignore[arg-type]

    @workflow(name="bad", replace=True)
    def flow() -> None:
        token(expires=0)

    with pytest.raises(InvalidArgument, match="expires"):
        flow()


def test_the_id_is_not_in_messages_and_errors(engine: Stepwell) -> None:
    handle = asks.start(None, None)
    id = token_of(handle)
    engine.complete(id, Approval(True))
    with pytest.raises(StepwellError) as raised:
        engine.complete(id, Approval(True))
    assert id not in str(raised.value)
    eventually(lambda: handle.result(timeout=10))
