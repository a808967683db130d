"""Crash at every point: the process dies at every call that it makes to its database, and the run must not care.

::

    from stepwell.testing import crash_everywhere

    def test_checkout_survives_anything() -> None:
        report = crash_everywhere(checkout.bind("o-1", "anvil", 4200))
        assert report.crashes > 20
"""

from collections.abc import Callable, Sequence
from typing import Any

from stepwell.core.definition import BoundCall
from stepwell.model.settings import Settings
from stepwell.testing.crash_report import Crash, CrashFailure, CrashReport, When
from stepwell.testing.crash_scenarios import Everywhere, Start
from stepwell.testing.logs import errors_logged
from stepwell.testing.simulated_database import simulated_database

__all__ = ["Crash", "CrashFailure", "CrashReport", "Start", "When", "crash_everywhere"]


def crash_everywhere(
    call: BoundCall[Any],
    *,
    database: str | None = None,
    start: Start = "id",
    when: Sequence[When] = ("before", "after"),
    twice: int = 0,
    every: int = 1,
    seed: int = 0,
    settings: Settings | None = None,
    same_result: bool = True,
    same_steps: bool = True,
    prepare: Callable[[], object] | None = None,
    only: Sequence[tuple[Crash, ...]] | None = None,
) -> CrashReport:
    """Run a workflow again and again, and let its process die at each call that it makes to its database.

    First it runs without a crash. Then, for every database call of that run, the process vanishes before the call, and
    once more after the call's commit but before its answer: no clean-up, no more code, its rows stay. A second process
    is launched, waits for its turn in virtual time, takes over, and the run must come to the same end:

    - the same outcome (unless `same_result=False`) and the same recorded operations (unless `same_steps=False`,
      for workflows that race);
    - what was recorded before the crash is still recorded, unchanged, and its body does not run again;
    - a body whose outcome was not recorded runs at most once more for each crash; so does each attempt of a
      retried step;
    - no body runs before everything recorded earlier in its run is durable, or without a valid lease.

    `call`: `workflow.bind(...)`. The function must do its real work in steps, as always; it really runs, some hundred
    times, in this process. `prepare()` is called before each scenario, to put back what the bodies have changed.
    `database`: None for a SQLite file, or the URL of a Postgres database, in which a temporary schema is made.
    `start`: how the caller starts it, and starts it again after the crash: "id" with a fixed id, "call" without one.
    `twice`: also so many scenarios, drawn by `seed`, in which the second process dies too. `every=3` tries every
    third call only. Nothing waits in real time: a workflow that sleeps for a day takes no longer than another.

    Raises CrashFailure, which names the call, and whatever the workflow does to a plain run of it.
    """
    where = simulated_database(database)
    try:
        everywhere = Everywhere(
            call,
            where,
            start=start,
            seed=seed,
            settings=settings or Settings(migrate=False),
            same_result=same_result,
            same_steps=same_steps,
            prepare=prepare,
        )
        with errors_logged() as everywhere.errors:
            return everywhere.run(when, every, twice, only)
    finally:
        where.close()
