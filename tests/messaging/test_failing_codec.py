"""The codec fails: what is to be said waits, what has come stays to be received, and no run ends by it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import stepwell
from stepwell import CodecUnavailable, Settings, Stepwell, WaitTimeout, recv, send, set_event, workflow, write_stream
from tests.engine.kit import QUICK, Signal, eventually, reaches


class Server:
    """A codec whose key server may be away."""

    codec_id = "server-1"

    def __init__(self) -> None:
        self.may_write = self.may_read = True
        self.wrote_in_vain, self.read_in_vain = Signal(), Signal()
        self.reads_in_vain = 0
        self.left: int | None = None

    def encode(self, text: str) -> str:
        if not self.may_write:
            self.wrote_in_vain.set()
            raise ConnectionError("the key server is away")
        return text[::-1]

    def decode(self, text: str) -> str:
        if not self.may_read:
            if self.left is not None:
                self.left -= 1
                self.may_read = self.left <= 0
            self.reads_in_vain += 1
            self.read_in_vain.set()
            raise ConnectionError("the key server is away")
        return text[::-1]


server = Server()


def made(url: str, **settings: float) -> Stepwell:
    return Stepwell(url, serializer=server, settings=Settings(**{**QUICK, "call_patience": 0.5, **settings}))


@pytest.fixture(autouse=True)
def fresh() -> None:
    global server
    server = Server()


@pytest.fixture
def engine(database_url: str) -> Iterator[Stepwell]:
    with made(database_url) as engine:
        yield engine
        server.may_write = server.may_read = True


# -- saying ------------------------------------------------------------------------------------------------------


@workflow
def says(to: str) -> str:
    recv("go")
    server.may_write = False
    send(to, {"n": 1}, "t")
    set_event("e", 2)
    write_stream("s", 3)
    return "said"


@workflow
async def says_async(to: str) -> str:
    await stepwell.aio.recv("go")
    server.may_write = False
    await stepwell.aio.send(to, {"n": 1}, "t")
    await stepwell.aio.set_event("e", 2)
    await stepwell.aio.write_stream("s", 3)
    return "said"


@workflow
def hears() -> Any:
    return recv("t")


@pytest.mark.parametrize("flow", [says, says_async.sync], ids=["def", "async"])
def test_what_is_said_waits_for_the_codec(engine: Stepwell, flow: Any) -> None:
    hearing, saying = hears.options(id="h").start(), flow.options(id="s").start("h")
    engine.send("s", None, "go")
    server.wrote_in_vain.wait()
    eventually(lambda: engine.health()["status"] == "DEGRADED")
    server.may_write = True
    assert saying.result(timeout=15) == "said"
    assert hearing.result(timeout=15) == {"n": 1}
    assert saying.get_event("e") == 2
    assert list(saying.read_stream("s")) == [3]
    assert {step.ended for step in saying.steps()} == {"ok"}


@workflow
def waits_in_vain() -> None:
    recv("go")
    server.may_write = False
    recv("never", timeout=0.05)


@workflow
async def waits_in_vain_async() -> None:
    await stepwell.aio.recv("go")
    server.may_write = False
    await stepwell.aio.recv("never", timeout=0.05)


@pytest.mark.parametrize("flow", [waits_in_vain, waits_in_vain_async.sync], ids=["def", "async"])
def test_a_timeouts_error_waits_too(engine: Stepwell, flow: Any) -> None:
    handle = flow.options(id="w").start()
    engine.send("w", None, "go")
    server.wrote_in_vain.wait()
    server.may_write = True
    with pytest.raises(WaitTimeout):
        handle.result(timeout=15)
    assert [(step.kind, step.ended) for step in handle.steps()] == [("recv", "ok"), ("recv_timeout", "error")]


# -- hearing -----------------------------------------------------------------------------------------------------


@workflow
def hears_two() -> list[Any]:
    return [recv("t"), recv("t"), recv("t", timeout=0, default="no more")]


@workflow
async def hears_two_async() -> list[Any]:
    aio = stepwell.aio
    return [await aio.recv("t"), await aio.recv("t"), await aio.recv("t", timeout=0, default="no more")]


@workflow
def reads(of: str) -> list[Any]:
    return [stepwell.get_event(of, "e"), *stepwell.read_stream(of, "s")]


@workflow
async def reads_async(of: str) -> list[Any]:
    found = [await stepwell.aio.get_event(of, "e")]
    return [*found, *[value async for value in stepwell.aio.read_stream(of, "s")]]


HEARING = pytest.mark.parametrize("flow", [hears_two, hears_two_async.sync], ids=["def", "async"])
READING = pytest.mark.parametrize("flow", [reads, reads_async.sync], ids=["def", "async"])


@HEARING
@pytest.mark.parametrize("refused", [1, 2, 3])
def test_what_has_come_is_received_a_little_later_and_once(engine: Stepwell, flow: Any, refused: int) -> None:
    handle = flow.options(id="h").start()
    eventually(lambda: engine.runtime.facts._mail)
    server.may_read, server.left = False, refused
    engine.send("h", "one", "t")
    engine.send("h", "two", "t")
    assert handle.result(timeout=15) == ["one", "two", "no more"]


@HEARING
def test_what_cannot_be_read_stays_until_it_can(database_url: str, flow: Any) -> None:
    with made(database_url, sweep_interval=60.0) as engine:  # it stays BLOCKED to be looked at
        handle = flow.options(id="h").start()
        eventually(lambda: engine.runtime.facts._mail)
        server.may_read = False
        engine.send("h", "one", "t")
        engine.send("h", "two", "t")
        reaches(handle, "BLOCKED")
        assert "'server-1' failed to decode" in str(handle.status().reason)
        assert server.reads_in_vain == 6  # with 0.1, 0.2, 0.4, 0.8 and 1.6 s between them: three seconds
    server.read_in_vain = Signal()
    with made(database_url) as engine:
        server.read_in_vain.wait()  # a sweep has let it try again
        server.may_read = True
        assert engine.handle("h").result(timeout=15) == ["one", "two", "no more"]


@READING
def test_events_and_entries_are_read_a_little_later(engine: Stepwell, flow: Any) -> None:
    says_now.options(id="s").start().result(timeout=15)
    server.may_read, server.left = False, 2
    handle = flow.options(id="r").start("s")
    server.read_in_vain.wait()
    assert handle.result(timeout=15) == [1, 2, 3]


@workflow
def says_now() -> None:
    set_event("e", 1)
    for value in (2, 3):
        write_stream("s", value)


# -- from outside ------------------------------------------------------------------------------------------------


@workflow
def asks() -> Any:
    asked = stepwell.token(int)
    set_event("id", asked.id)
    return asked.wait()


def test_from_outside_it_ends_when_the_patience_is_over(engine: Stepwell) -> None:
    handle = asks.options(id="a").start()
    token = handle.get_event("id", type=str, timeout=15)
    server.may_write = False
    calls: list[Callable[[], None]] = [
        lambda: engine.send("a", "x", "t"),
        lambda: engine.complete(token, 42),
        lambda: engine.fail(token, "no"),
    ]
    for call in calls:
        with pytest.raises(CodecUnavailable, match="server-1"):
            call()
    server.may_write = True
    engine.complete(token, 42)
    assert handle.result(timeout=15) == 42


def test_what_cannot_be_read_outside_is_still_there(engine: Stepwell) -> None:
    handle = says_now.options(id="s").start()
    handle.result(timeout=15)
    server.may_read = False
    with pytest.raises(CodecUnavailable):
        handle.get_event("e")
    with pytest.raises(CodecUnavailable):
        next(handle.read_stream("s"))
    server.may_read = True
    assert (handle.get_event("e"), list(handle.read_stream("s"))) == (1, [2, 3])
