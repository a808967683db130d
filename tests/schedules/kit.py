"""What the tests of schedules share: processes that declare, and what their schedules have started."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from stepwell import Schedule, Settings
from stepwell.core import scheduling
from stepwell.core.runtime import Runtime
from stepwell.model.looking import RunFilter, RunRow
from stepwell.model.schedules import ScheduleRow
from stepwell.testing.process import Process
from stepwell.testing.store_proxy import Gate
from stepwell.testing.world import World

T = TypeVar("T")

#: Nothing but schedules makes anything happen for a while.
SETTINGS = Settings(migrate=False, sweep_interval=20.0)


def stand_at(world: World, when: str) -> float:
    """The database's clock says this, ISO 8601 with an offset."""
    instant = datetime.fromisoformat(when).timestamp()
    world.database_ahead += instant - world.database_now()
    return instant


def process(world: World, *schedules: Schedule, name: str = "p", gate: Gate | None = None) -> Process:
    """One that runs, with these schedules declared."""
    made = world.process(name, gate=gate)
    made.engine._declared = schedules
    made.launch()
    return made


def runtime_of(process: Process) -> Runtime:
    found = process.engine.left_behind
    assert found is not None
    return found


def update(process: Process, name: str, **fields: Any) -> None:
    process.run(scheduling.update(runtime_of(process), name, **fields))


def row(world: World, name: str) -> ScheduleRow:
    found = world.ask(lambda store: store.schedule(name))
    assert found is not None, f"no schedule {name}"
    return found


def runs(world: World, *statuses: str) -> list[RunRow]:
    """All, in the order of their start."""
    found = world.ask(lambda store: store.list_runs(RunFilter(status=statuses or None, limit=1000), True))
    return sorted(found, key=lambda run: run.workflow_id)


def ticks(world: World, *statuses: str) -> list[str]:
    """The ids of the runs, which are those of their ticks."""
    return [run.workflow_id for run in runs(world, *statuses)]


def until(world: World, check: Callable[[], bool], limit: float = 600.0) -> None:
    """Let time pass second by second until it holds."""
    for _ in range(int(limit)):
        if check():
            return
        world.pass_time(1.0)
    raise AssertionError("it never happened")
