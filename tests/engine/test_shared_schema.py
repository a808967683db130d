"""Several apps in one schema: each keeps to its own runs, and none depends on another's process."""

from typing import Any

from stepwell import Client, Stepwell, workflow
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.registry import REGISTRY
from stepwell.core.starting import new_run, own
from stepwell.model.options import CallOptions
from stepwell.model.rows import Leave
from tests.engine.kit import Lab, eventually, reaches


@workflow(name="shared", replace=True)
def shared(n: int) -> int:
    return n


def sweeps_elsewhere(lab: Lab) -> None:
    """A process of another app has the sweepers' lease, and keeps it."""
    with Client(lab.url, name="seer") as client:
        runtime = client.runtime
        assert runtime.inbox.run(runtime.store.acquire_sweep(runtime.env.uuid7(), 3600.0))


def blocked_by_older_code(engine: Stepwell, workflow_id: str) -> None:
    """A run that a process with other code has set aside."""
    runtime = engine.runtime
    definition: WorkflowDefinition | None = REGISTRY.find("shared")
    assert definition is not None
    run = own(runtime, new_run(runtime, definition, CallOptions(id=workflow_id), None, (1,), {}))

    async def block() -> Any:
        await runtime.store.start([run])
        return await runtime.store.leave([Leave(run.run_id, 1, "BLOCKED", "the code differs", "older")])

    assert runtime.inbox.run(block()) == [True]


def test_blocked_runs_are_retried_whoever_sweeps(lab: Lab) -> None:
    """Only a process knows which code it has."""
    sweeps_elsewhere(lab)
    orders = lab.launch("orders")
    blocked_by_older_code(orders, "b")
    assert reaches(orders.handle("b"), "SUCCESS")


def test_blocked_runs_of_another_app_are_left_alone(lab: Lab) -> None:
    orders, mails = lab.launch("orders", sweep_interval=3600.0), lab.launch("mails")
    blocked_by_older_code(orders, "theirs")
    blocked_by_older_code(mails, "own")
    reaches(mails.handle("own"), "SUCCESS")
    assert mails.handle("theirs").status().status == "BLOCKED"


def test_retention_is_of_the_own_app_whoever_sweeps(lab: Lab) -> None:
    sweeps_elsewhere(lab)
    with lab.engine("orders", retention=None) as orders, lab.engine("mails", retention=None) as mails:
        shared.options(id="kept", engine=orders)(1)
        shared.options(id="gone", engine=mails)(2)
    mails = lab.launch("mails", retention=1e-6)
    eventually(lambda: mails.count() == 1, "the run of the app to be deleted")
    assert [each.workflow_id for each in mails.find()] == ["kept"]
