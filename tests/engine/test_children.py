"""Workflows called and started by workflows: each once, whatever happens to the parent."""

import pytest

import stepwell
from stepwell import Handle, Stepwell, WaitTimeout, WorkflowCancelled, step, workflow
from tests.engine.kit import Exits, Gate, Lab, eventually, names, reaches


class OutOfStock(Exception):
    pass


ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran_yet() -> None:
    ran.clear()


@step
def note(what: str) -> str:
    ran.append(what)
    return what


@workflow
def pick(sku: str) -> str:
    if sku == "unicorn":
        raise OutOfStock(sku)
    return note(f"picked {sku}")


@workflow
async def pack(sku: str) -> str:
    return await note.aio(f"packed {sku}")


@workflow
def order_def(sku: str) -> list[str]:
    return [pick(sku), pack.sync(sku)]


@workflow
async def order_async(sku: str) -> list[str]:
    return [await pick.aio(sku), await pack(sku)]


@pytest.mark.parametrize("order", [order_def, order_async.sync], ids=["def", "async"])
def test_a_child_of_either_colour_is_a_run_of_its_own(engine: Stepwell, order: object) -> None:
    assert order.options(id="o")("anvil") == ["picked anvil", "packed anvil"]  # type: ignore[attr-defined]
    recorded = engine.handle("o").steps()
    assert [each.kind for each in recorded] == ["child", "child"]
    children = engine.find(name="tests.engine.test_children:pick").items
    assert [each.run_id for each in children] == [recorded[0].child_run]
    assert children[0].parent_id == "o"
    assert children[0].workflow_id.startswith("o/")
    assert engine.handle(children[0].workflow_id).result() == "picked anvil"
    assert ran == ["picked anvil", "packed anvil"]


def test_a_replayed_parent_meets_the_same_children(engine: Stepwell) -> None:
    exits = Exits(3)

    @step
    def leave() -> None:
        exits()

    @workflow(name="parent", replace=True)
    def parent() -> list[str]:
        found = [pick("a"), pack.sync("b")]
        handle = pick.start("c")
        leave()
        return [*found, handle.result()]

    assert parent.start().result() == ["picked a", "packed b", "picked c"]
    assert sorted(ran) == ["packed b", "picked a", "picked c"]
    assert engine.count() == 4


def test_a_replayed_async_parent_meets_the_same_children(engine: Stepwell) -> None:
    exits = Exits(3)

    @step
    async def leave() -> None:
        exits()

    @workflow(name="parent", replace=True)
    async def parent() -> list[str]:
        found = [await pick.aio("a"), await pack("b")]
        handle = await pack.start("c")
        await leave()
        return [*found, await handle.result()]

    assert parent.sync.start().result() == ["picked a", "packed b", "packed c"]
    assert sorted(ran) == ["packed b", "packed c", "picked a"]
    assert engine.count() == 4


def test_a_parent_that_ends_while_its_child_runs_meets_it_again(lab: Lab) -> None:
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()
        ran.append("held")

    @workflow(name="child", replace=True)
    async def child() -> str:
        await hold()
        return "child"

    @workflow(name="parent", replace=True)
    async def parent() -> str:
        return await child()

    with lab.engine() as first:
        handle = parent.sync.options(id="p").start()
        gate.reached.wait()
        first.close(drain=0.0)
    gate.open()
    with lab.engine() as second:
        assert second.handle("p").result() == "child"
        assert second.count() == 2
    assert handle.id == "p"
    assert ran == ["held"]


def test_a_childs_failure_is_of_its_own_type(engine: Stepwell) -> None:
    exits = Exits(1)

    @step
    def leave() -> None:
        exits()

    @workflow(name="parent", replace=True)
    def parent() -> str:
        try:
            pick("unicorn")
        except OutOfStock as error:
            leave()
            return f"no {error}"
        return "never"

    assert parent.start().result() == "no unicorn"


def test_an_async_childs_failure_is_of_its_own_type(engine: Stepwell) -> None:
    @workflow(name="parent", replace=True)
    async def parent() -> None:
        await pick.aio("unicorn")

    handle = parent.sync.start()
    with pytest.raises(OutOfStock, match="unicorn"):
        handle.result()
    assert [(each.name, each.ended) for each in handle.steps()] == [("tests.engine.test_children:pick", "error")]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def endless(gate: Gate) -> object:
    @step(name="hold")
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="endless", replace=True)
    async def endless() -> str:
        await hold()
        return "ended"

    return endless


@pytest.mark.parametrize("how", ["cancel", "abandon"])
def test_a_child_ends_with_its_parent_unless_abandoned(engine: Stepwell, gate: Gate, endless: object, how: str) -> None:
    @workflow(name="parent", replace=True)
    def parent() -> str:
        started: Handle[str] = endless.sync.options(parent_close=how).start()  # type: ignore[attr-defined]
        return started.id

    child = engine.handle(parent.start().result())
    if how == "cancel":
        assert reaches(child, "CANCELLED")
        with pytest.raises(WorkflowCancelled):
            child.result()
    else:
        gate.reached.wait()
        gate.open()
        assert child.result() == "ended"


def test_a_cancelled_child_is_an_ordinary_error_of_the_parent(engine: Stepwell, gate: Gate, endless: object) -> None:
    @workflow(name="parent", replace=True)
    async def parent() -> str:
        try:
            await endless()  # type: ignore[operator]
        except WorkflowCancelled as error:
            return f"cancelled: {error.reason}"
        return "never"

    handle = parent.sync.options(id="p").start()
    gate.reached.wait()
    [child] = engine.find(name="endless")
    engine.cancel(child.workflow_id)
    assert handle.result() == "cancelled: cancel"


def test_a_cancelled_child_of_a_def_parent(engine: Stepwell, gate: Gate, endless: object) -> None:
    @workflow(name="parent", replace=True)
    def parent() -> str:
        try:
            endless.sync()  # type: ignore[attr-defined]
        except WorkflowCancelled as error:
            return f"cancelled: {error.reason}"
        return "never"

    handle = parent.options(id="p").start()
    gate.reached.wait()
    [child] = engine.find(name="endless")
    engine.cancel(child.workflow_id)
    assert handle.result() == "cancelled: cancel"


def test_children_may_have_ids_of_their_own(engine: Stepwell) -> None:
    @workflow(name="parent", replace=True)
    def parent() -> str:
        return pick.options(id="mine").start("anvil").id

    assert parent() == "mine"
    assert engine.handle("mine").result() == "picked anvil"


def test_waiting_for_a_child_may_time_out_and_replays_so(engine: Stepwell, gate: Gate, endless: object) -> None:
    exits = Exits(1)
    outcomes: list[str] = []

    @step
    def leave() -> None:
        gate.open()
        exits()

    @workflow(name="parent", replace=True)
    def parent() -> str:
        handle: Handle[str] = endless.sync.start()  # type: ignore[attr-defined]
        try:
            handle.result(timeout=0.05)
            outcomes.append("in time")
        except WaitTimeout:
            outcomes.append("too late")
        leave()
        return handle.result()

    assert parent.start().result() == "ended"
    assert outcomes == ["too late", "too late"]


def test_awaiting_a_child_may_time_out_and_replays_so(engine: Stepwell, gate: Gate, endless: object) -> None:
    exits = Exits(1)
    outcomes: list[str] = []

    @step
    async def leave() -> None:
        gate.open()
        exits()

    @workflow(name="parent", replace=True)
    async def parent() -> str:
        handle = await endless.start()  # type: ignore[attr-defined]
        try:
            await handle.result(timeout=0.05)
            outcomes.append("in time")
        except WaitTimeout:
            outcomes.append("too late")
        await leave()
        return str(await handle.result())

    assert parent.sync.start().result() == "ended"
    assert outcomes == ["too late", "too late"]


def test_deep_nesting(engine: Stepwell) -> None:
    @workflow(name="nested", replace=True)
    def nested(depth: int) -> list[int]:
        return [depth, *nested(depth - 1)] if depth else [0]

    assert nested.options(id="n")(12) == list(range(12, -1, -1))
    assert engine.count() == 13
    assert names(engine.handle("n")) == ["nested"]


def test_grandchildren_follow_a_cancelled_root(engine: Stepwell, gate: Gate, endless: object) -> None:
    @workflow(name="middle", replace=True)
    async def middle() -> str:
        return str(await endless())  # type: ignore[operator]

    @workflow(name="root", replace=True)
    def root() -> str:
        return middle.sync()

    handle = root.options(id="r").start()
    gate.reached.wait()
    handle.cancel()
    assert reaches(handle, "CANCELLED")
    [innermost] = engine.find(name="endless")
    assert reaches(engine.handle(innermost.workflow_id), "CANCELLED")


@pytest.mark.parametrize("parent_close", ["cancel", "abandon"])
def test_a_child_whose_call_was_interrupted_ends_with_its_parent(lab: Lab, parent_close: str) -> None:
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="held child", replace=True)
    async def held() -> None:
        await hold()

    @workflow(name="impatient", replace=True)
    async def impatient() -> str:
        try:
            async with stepwell.aio.timeout(0.1):
                await held.options(id="held", parent_close=parent_close)()  # type: ignore[arg-type]
        except stepwell.WaitTimeout:
            return "gave up"
        return "waited"

    with lab.engine() as engine:
        assert impatient.sync() == "gave up"
        if parent_close == "cancel":
            eventually(lambda: engine.handle("held").status().status == "CANCELLED")
        else:
            gate.open()
            assert engine.handle("held").result(timeout=15) is None
