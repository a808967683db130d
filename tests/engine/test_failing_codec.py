"""The codec fails (its key server is away): everything waits, nothing runs twice, and no run ends by it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import stepwell
from stepwell import CodecUnavailable, Settings, Stepwell, WorkflowCancelled, step, workflow
from tests.engine.kit import QUICK, Gate, Signal, in_thread, reaches

ran: list[str] = []
gates: list[Gate] = []


class Server:
    """A codec whose key server may be away, for what it writes and for what it reads."""

    codec_id = "server-1"

    def __init__(self) -> None:
        self.may_write = self.may_read = True
        self.stays = False
        self.refused: dict[str, Signal] = {}
        self.left: int | None = None
        self.forget()

    def forget(self) -> None:
        self.refused = {"write": Signal(), "read": Signal()}

    def encode(self, text: str) -> str:
        if not self.may_write:
            self.refused["write"].set()
            raise ConnectionError("the key server is away")
        return text[::-1]

    def decode(self, text: str) -> str:
        if not self.may_read:
            if self.left is not None:
                self.left -= 1
                self.may_read = self.left <= 0
            self.refused["read"].set()
            raise ConnectionError("the key server is away")
        return text[::-1]


server = Server()


@pytest.fixture(autouse=True)
def fresh() -> None:
    global server
    server = Server()
    ran.clear()
    gates[:] = [Gate()]


class Lab:
    def __init__(self, url: str) -> None:
        self.url = url
        self.engines: list[Stepwell] = []

    def engine(self, **settings: Any) -> Stepwell:
        engine = Stepwell(self.url, serializer=server, settings=Settings(**{**QUICK, **settings}))
        self.engines.append(engine)
        return engine


@pytest.fixture
def coded(database_url: str) -> Iterator[Lab]:
    lab = Lab(database_url)
    yield lab
    for engine in lab.engines:
        engine.close(drain=0.0)


@step
def note(what: str) -> str:
    ran.append(what)
    return what


@step
def away(what: str, fails: bool) -> str:
    """While it runs the key server goes away."""
    ran.append(what)
    server.may_write = server.stays
    if fails:
        raise ValueError(what)
    return what


@step
async def hold() -> str:
    await gates[0].hold_async()
    return "held"


@workflow
def writing(fails: bool) -> str:
    return away("one", fails) + note("two")


@workflow
async def writing_async(fails: bool) -> str:
    return await away.aio("one", fails) + await note.aio("two")


@workflow
def ending(fails: bool) -> str:
    note("one")
    server.may_write = False
    if fails:
        raise ValueError("at the end")
    return "ended"


@workflow
async def ending_async(fails: bool) -> str:
    await note.aio("one")
    server.may_write = False
    if fails:
        raise ValueError("at the end")
    return "ended"


@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
@pytest.mark.parametrize("call", [writing, writing_async.sync, ending, ending_async.sync], ids=str)
def test_an_outcome_waits_for_the_codec(coded: Lab, call: Any, fails: bool) -> None:
    """Of a step or of the run; the body does not run again."""
    with coded.engine() as engine:
        handle = call.options(id="w").start(fails)
        server.refused["write"].wait()
        server.forget()
        server.refused["write"].wait()  # it tries again and again
        assert handle.status().status == "PENDING"
        assert engine.health()["status"] == "DEGRADED"
        assert "server-1" in engine.health()["codec"]
        server.may_write = True
        if fails:
            with pytest.raises(ValueError, match=r"one|at the end"):
                handle.result(timeout=15)
        else:
            assert handle.result(timeout=15) in ("onetwo", "ended")
        assert ran.count("one") == 1
        assert engine.health()["status"] == "OK"


def test_a_run_whose_outcome_waits_can_be_cancelled(coded: Lab) -> None:
    with coded.engine():
        handle = writing_async.sync.start(False)
        server.refused["write"].wait()
        handle.cancel()
        with pytest.raises(WorkflowCancelled):
            handle.result(timeout=15)


@pytest.mark.parametrize("call", [writing, writing_async.sync], ids=["def", "async"])
def test_a_process_can_leave_while_an_outcome_waits(coded: Lab, call: Any) -> None:
    with coded.engine() as engine:
        call.options(id="w").start(False)
        server.refused["write"].wait()
        engine.close(drain=0)
    server.stays = server.may_write = True
    with coded.engine() as engine:
        assert engine.handle("w").result(timeout=15) == "onetwo"


# -- reading -------------------------------------------------------------------------------------------------


@workflow
def reading() -> str:
    first = note("one")
    hold.sync()
    return first + note("two")


@workflow
async def reading_async() -> str:
    first, other = await asyncio.gather(note.aio("one"), note.aio("other"))
    await hold()
    return first + other + await note.aio("two")


@workflow
async def drawing_async() -> str:
    stepwell.uuid4()
    await hold()
    return "drawn"


READING = pytest.mark.parametrize(
    "call", [reading, reading_async.sync, drawing_async.sync], ids=["def", "async", "drawn-async"]
)


def stranded(coded: Lab, call: Any) -> None:
    with coded.engine() as engine:
        call.options(id="r").start()
        gates[0].reached.wait()
        engine.close(drain=0)
    gates[0].open()
    ran.clear()


@READING
@pytest.mark.parametrize("refused", [1, 2, 3])
def test_what_is_recorded_is_read_a_little_later(coded: Lab, call: Any, refused: int) -> None:
    """However many reads fail at first: the arguments', a step's."""
    stranded(coded, call)
    server.may_read, server.left = False, refused
    with coded.engine() as engine:
        assert engine.handle("r").result(timeout=15) in ("onetwo", "oneothertwo", "drawn")
        assert ran in (["two"], [])


@READING
def test_what_cannot_be_read_is_blocked_with_the_reason_until_it_can(coded: Lab, call: Any) -> None:
    stranded(coded, call)
    server.may_read = False
    with coded.engine(sweep_interval=60.0) as engine:  # it stays BLOCKED to be looked at
        handle = engine.handle("r")
        reaches(handle, "BLOCKED")
        assert "'server-1' failed to decode: it raised ConnectionError" in str(handle.status().reason)
    server.forget()
    with coded.engine() as engine:
        server.refused["read"].wait()  # a sweep has let it try again
        server.may_read = True
        assert engine.handle("r").result(timeout=15) in ("onetwo", "oneothertwo", "drawn")
        assert ran in (["two"], [])


@workflow
def child() -> str:
    return note("child")


@workflow
def parent() -> str:
    handle = child.start()
    hold.sync()
    server.may_read, server.left = False, 2
    return handle.result()


@workflow
async def parent_async() -> str:
    handle = await child.aio.start()
    await hold()
    server.may_read, server.left = False, 2
    return await handle.result()


@pytest.mark.parametrize("call", [parent, parent_async.sync], ids=["def", "async"])
def test_a_childs_result_is_read_a_little_later(coded: Lab, call: Any) -> None:
    gates[0].open()
    with coded.engine():
        handle = call.options(id="p").start()
        server.refused["read"].wait()
        assert handle.result(timeout=15) == "child"
        assert [each.ended for each in handle.steps()] == ["ok", "ok", "ok"]


@workflow
def starting() -> str:
    hold.sync()
    server.may_write = False
    return child()


@workflow
async def starting_async() -> str:
    await hold()
    server.may_write = False
    return await child.aio()


@pytest.mark.parametrize("call", [starting, starting_async.sync], ids=["def", "async"])
def test_a_childs_arguments_wait_for_the_codec(coded: Lab, call: Any) -> None:
    gates[0].open()
    with coded.engine():
        handle = call.options(id="p").start()
        server.refused["write"].wait()
        server.may_write = True
        assert handle.result(timeout=15) == "child"
        assert ran == ["child"]


# -- from outside --------------------------------------------------------------------------------------------


@workflow
async def quick(what: str) -> str:
    return what


@pytest.mark.parametrize(
    "call",
    [
        lambda: quick.sync("x"),
        lambda: quick.sync.start("x"),
        lambda: child(),
        lambda: child.start_many([child.bind()]),
    ],
    ids=["call-async", "start", "call-def", "start-many"],
)
def test_a_call_from_outside_ends_when_its_patience_is_over(coded: Lab, call: Any) -> None:
    with coded.engine(call_patience=0.2) as engine:
        server.may_write = False
        with pytest.raises(CodecUnavailable, match="server-1") as caught:
            call()
        assert isinstance(caught.value.__cause__, ConnectionError)
        assert engine.count() == 0


def test_a_call_from_outside_waits_for_so_long(coded: Lab) -> None:
    with coded.engine():
        server.may_write = False
        call = in_thread(child)
        server.refused["write"].wait()
        server.may_write = True
        assert call.result() == "child"


def test_a_result_that_cannot_be_read_outside_is_no_failure_of_the_run(coded: Lab) -> None:
    with coded.engine(call_patience=0.2) as engine:
        handle = quick.sync.options(id="q").start("x")
        reaches(handle, "SUCCESS")
        server.may_read = False
        with pytest.raises(CodecUnavailable):
            engine.handle("q").result()
        server.may_read = True
        assert engine.handle("q").result() == "x"
