"""Launching, closing, launching again; and what becomes of those who wait meanwhile."""

import asyncio
import threading
from typing import Any

import pytest

from stepwell import Client, ConfigurationError, NoRunningEngine, Stepwell, UsageError, step, workflow
from tests.engine.kit import Gate, Lab, eventually, in_thread, reaches

gates: list[Gate] = []


@pytest.fixture
def gate() -> Gate:
    gates[:] = [Gate()]
    return gates[0]


@step
def hold() -> str:
    gates[0].hold()
    return "held"


@step
async def hold_async() -> str:
    await gates[0].hold_async()
    return "held"


@workflow
def holding() -> str:
    return hold()


async def test_the_awaited_launch_runs_on_the_loop_of_its_caller(lab: Lab, gate: Gate) -> None:
    engine = lab.engine()
    await engine.aio.launch()
    assert engine.runtime.loop is asyncio.get_running_loop()
    with pytest.raises(ConfigurationError, match="running already"):
        await engine.aio.launch()
    handle = await holding_async.start()
    await gate.reached.wait_async()
    await engine.aio.close(drain=0)
    gate.open()
    with pytest.raises(NoRunningEngine):
        await handle.status()
    await engine.aio.close()  # of one that is closed: nothing
    await engine.aio.launch()
    assert await (await engine.aio.handle(handle.id)).result() == "held"
    await engine.aio.close()


async def test_the_awaited_close_ends_an_engine_on_a_thread_of_its_own(lab: Lab) -> None:
    engine = await asyncio.to_thread(lab.launch)
    await engine.aio.close()
    with pytest.raises(NoRunningEngine):
        await engine.aio.count()


def test_the_awaited_close_ends_an_engine_on_another_loop(lab: Lab) -> None:
    engine, ended = lab.engine(), Gate()

    async def serve() -> None:
        await engine.aio.launch()
        await ended.hold_async()

    serving = in_thread(lambda: asyncio.run(serve()))
    ended.reached.wait()
    with pytest.raises(UsageError, match=r"aio\.close"):
        engine.close()
    asyncio.run(engine.aio.close())
    with pytest.raises(NoRunningEngine):
        engine.count()
    ended.open()
    serving.result()


def test_a_client_of_an_engine_is_configured_like_it(lab: Lab) -> None:
    """What it starts, such an engine executes."""
    engine = lab.engine("shop", namespace="eu")
    with lab.engine("shop", namespace="eu"):
        pass  # the tables are there
    with engine.client() as client:
        assert (client.name, client.namespace, client.schema) == ("shop", "eu", "stepwell")
        assert client.settings is engine.settings
        handle = quick.options(engine=client).start()
        assert handle.status().status == "ENQUEUED"
    with engine:
        assert engine.handle(handle.id).result(timeout=15) == "quick"


@workflow
async def holding_async() -> str:
    return await hold_async()


@workflow
def quick() -> str:
    return "quick"


def test_the_constructor_opens_nothing(lab: Lab) -> None:
    before = threading.active_count()
    lab.engine()
    assert threading.active_count() == before


def test_a_closed_engine_may_be_launched_again(lab: Lab) -> None:
    engine = lab.engine()
    for n in range(3):
        with engine:
            assert quick.options(id=f"q-{n}")() == "quick"
            assert engine.count() == n + 1
        with pytest.raises(NoRunningEngine):
            quick()
    assert asyncio.run(_async_with(engine)) == "quick"


async def _async_with(engine: Stepwell) -> str:
    async with engine:
        return await quick.aio()


def test_launching_twice_is_refused(engine: Stepwell) -> None:
    with pytest.raises(ConfigurationError, match="running already"):
        engine.launch()
    assert quick() == "quick"


def test_closing_twice_is_nothing(lab: Lab) -> None:
    engine = lab.launch()
    engine.close()
    engine.close()


def test_a_database_that_cannot_be_opened_says_so_at_launch() -> None:
    engine = Stepwell("sqlite:////proc/no/such/place.db")
    with pytest.raises(Exception, match=r"place\.db|unable to open|No such file"):
        engine.launch()
    engine.close()


def test_closing_waits_for_running_workflows(lab: Lab, gate: Gate) -> None:
    engine = lab.launch(drain=15)
    handle = holding.options(id="h").start()
    gate.reached.wait()
    closing = in_thread(engine.close)
    eventually(lambda: engine.health()["status"] == "DRAINING")
    gate.open()
    closing.result()
    with lab.engine() as again:
        info = again.handle("h").status()
        assert (info.status, info.attempts) == ("SUCCESS", 1)
    assert handle.id == "h"


def test_closing_releases_what_only_waits(lab: Lab) -> None:
    @workflow(name="sleeping", replace=True)
    async def sleeping() -> None:
        import stepwell

        await stepwell.aio.sleep(3600)

    engine = lab.launch(drain=15)
    sleeping.sync.options(id="s").start()
    eventually(lambda: "sleep" in engine.explain("s"))
    engine.close()
    with Client(lab.url) as client:
        info = client.handle("s").status()
        assert (info.status, info.owner) == ("ENQUEUED", None)


@pytest.mark.parametrize("flow", [holding, holding_async.sync], ids=["def", "async"])
def test_closing_without_drain_gives_runs_back(lab: Lab, gate: Gate, flow: Any) -> None:
    engine = lab.launch()
    flow.options(id="h").start()
    gate.reached.wait()
    engine.close(drain=0)
    gate.open()
    with lab.engine() as again:
        assert again.handle("h").result() == "held"


def test_a_draining_engine_claims_nothing(lab: Lab, gate: Gate) -> None:
    engine = lab.launch(drain=15)
    holding.start()
    gate.reached.wait()
    closing = in_thread(engine.close)
    eventually(lambda: engine.health()["status"] == "DRAINING")
    with Client(lab.url) as client:
        queued = quick.options(id="q", engine=client).start()
        assert queued.status().status == "ENQUEUED"
        gate.open()
        closing.result()
        assert queued.status().status == "ENQUEUED"
    with lab.engine() as again:
        assert again.handle("q").result() == "quick"


# -- those who wait ------------------------------------------------------------------------------------------


def test_a_caller_who_waits_for_a_result_is_told(lab: Lab, gate: Gate) -> None:
    engine = lab.launch()
    handle = holding_async.sync.options(id="h").start()
    gate.reached.wait()
    waiting = in_thread(handle.result)
    eventually(lambda: engine.runtime.watch._waiters)
    engine.close(drain=0)
    with pytest.raises(NoRunningEngine, match="closed while"):
        waiting.result()


@pytest.mark.parametrize("flow", [holding, holding_async.sync], ids=["def", "async"])
@pytest.mark.parametrize("with_id", [True, False])
def test_a_caller_who_runs_it_is_told(lab: Lab, gate: Gate, flow: Any, with_id: bool) -> None:
    engine = lab.launch()
    calling = in_thread(flow.options(id="h") if with_id else flow)
    gate.reached.wait()
    engine.close(drain=0)
    gate.open()
    with pytest.raises(NoRunningEngine):
        calling.result()
    with lab.engine() as again:
        [run] = eventually(lambda: again.find(status="SUCCESS").items)
        assert run.status == "SUCCESS"


async def test_a_caller_who_awaits_is_told(lab: Lab, gate: Gate) -> None:
    engine = lab.engine(drain=0.05)
    async with engine:
        handle = await holding_async.start()
        waiting = asyncio.create_task(handle.result())  # type: ignore[arg-type]
        calling = asyncio.create_task(holding_async())  # type: ignore[arg-type]
        await gate.reached.wait_async()
        await asyncio.sleep(0)
    for each in (waiting, calling):
        with pytest.raises(NoRunningEngine):
            await each


def test_a_handle_of_a_closed_engine(lab: Lab) -> None:
    with lab.engine():
        handle = quick.options(id="q").start()
        handle.result()
    for ask in (handle.result, handle.status, handle.steps, handle.cancel):
        with pytest.raises(NoRunningEngine):
            ask()
    with lab.engine():
        assert quick.handle("q").result() == "quick"


async def test_an_async_handle_of_a_closed_engine(lab: Lab) -> None:
    async with lab.engine():
        handle = await quick.aio.start()
        await handle.result()
    with pytest.raises(NoRunningEngine):
        await handle.result()


async def test_an_error_in_the_block_closes_too(lab: Lab) -> None:
    engine = lab.engine()
    with pytest.raises(LookupError):
        async with engine:
            raise LookupError
    with pytest.raises(NoRunningEngine):
        await engine.aio.count()


# -- a client executes nothing -------------------------------------------------------------------------------


def test_a_client_starts_what_engines_execute(lab: Lab) -> None:
    with Client(lab.url) as client:
        handle = quick.options(id="q").start()
        assert handle.status().status == "ENQUEUED"
        waiting = in_thread(handle.result)
        with lab.engine() as engine:
            assert engine.handle("q").result() == "quick"
            assert waiting.result() == "quick"
            assert quick.options(engine=client)() == "quick"
            assert client.workflow("tests.engine.test_engine_life:quick").start().result() == "quick"


def test_health(engine: Stepwell, gate: Gate) -> None:
    assert engine.health()["status"] == "OK"
    assert engine.health()["executing"] == 0
    handle = holding.start()
    gate.reached.wait()
    assert engine.health()["executing"] == 1
    gate.open()
    handle.result()
    eventually(lambda: engine.health()["executing"] == 0)
    assert engine.health()["database"] == "ok"


async def test_health_for_async_code(lab: Lab) -> None:
    async with lab.engine() as engine:
        assert await engine.aio.health() == engine.health()


def test_run_until_idle(engine: Stepwell) -> None:
    handles = [quick.options(queue=None, delay=0).start() for _ in range(10)]
    engine.run_until_idle(timeout=10)
    assert {each.status().status for each in handles} == {"SUCCESS"}
    reaches(handles[0], "SUCCESS")
