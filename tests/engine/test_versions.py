"""`version=` routes: a run that has one is claimed only by processes that serve it."""

from stepwell import step, workflow
from tests.engine.kit import Gate, Lab, eventually, forget


def test_a_run_waits_for_its_version(lab: Lab) -> None:
    gate = Gate()

    @step
    async def hold() -> str:
        await gate.hold_async()
        return "held"

    @workflow(name="versioned", version="1", replace=True)
    async def one() -> str:
        return f"one {await hold()}"

    with lab.engine() as engine:
        handle = one.sync.options(id="v").start()
        gate.reached.wait()
        engine.close(drain=0)
    gate.open()

    @workflow(name="versioned", version="2", replace=True)
    async def two() -> str:
        return f"two {await hold()}"

    with lab.engine() as engine:
        # A later run of the version that is served has come and gone: claims went by the earlier one.
        two.sync.options(id="later", queue=None, delay=0).start().result()
        assert engine.handle("v").status().status == "ENQUEUED"
        assert "none of them serves versioned version 1" in engine.explain("v")

    @workflow(name="versioned", version="1", replace=True)
    async def one_again() -> str:
        return f"one again {await hold()}"

    with lab.engine() as engine:
        assert engine.handle("v").result() == "one again held"
        assert engine.handle("v").status().version == "1"
    assert handle.id == "v"


def test_without_a_version_the_current_code_is_tried(lab: Lab) -> None:
    gate = Gate()

    @step
    async def hold() -> str:
        await gate.hold_async()
        return "held"

    @workflow(name="versionless", replace=True)
    async def before() -> str:
        return f"before {await hold()}"

    with lab.engine() as engine:
        before.sync.options(id="v").start()
        gate.reached.wait()
        engine.close(drain=0)
    gate.open()

    @workflow(name="versionless", version="2", replace=True)
    async def after() -> str:
        return f"after {await hold()}"

    with lab.engine() as engine:
        assert engine.handle("v").result() == "after held"


def test_a_run_whose_function_nobody_serves_stays_enqueued(lab: Lab) -> None:
    @workflow(name="nobody serves this", version="old", replace=True)
    def served() -> str:
        return "served"

    with lab.engine() as engine:
        served.options(id="n", delay=3600).start()

    @workflow(name="nobody serves this", version="new", replace=True)
    def newer() -> str:
        return "newer"

    with lab.engine() as engine:
        assert engine.handle("n").status().status == "ENQUEUED"
        assert "not before" in engine.explain("n")


def test_an_alias_serves_the_runs_of_the_old_name(lab: Lab) -> None:
    forget("new name", "old name")
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="old name", replace=True)
    async def old() -> str:
        await hold()
        return "old"

    with lab.engine() as engine:
        old.sync.options(id="a").start()
        gate.reached.wait()
        engine.close(drain=0)
    gate.open()

    forget("old name")

    @workflow(name="new name", aliases=["old name"], replace=True)
    async def new() -> str:
        await hold()
        return "new"

    with lab.engine() as engine:
        assert engine.handle("a").result() == "new"
        assert new.sync.options(id="a").start().result() == "new"
        eventually(lambda: engine.count(status="SUCCESS") == 1)
