"""Several processes on one database, and everything that can go wrong: deterministic, and repeatable by its seed.

::

    from stepwell.testing import simulate

    def test_orders_survive_the_storm() -> None:
        simulate([order.bind(n) for n in range(20)], seeds=range(50))
"""

from collections.abc import Iterable, Sequence
from typing import Any

from stepwell.core.definition import BoundCall
from stepwell.model.settings import Settings
from stepwell.testing.logs import errors_logged
from stepwell.testing.simulated_database import simulated_database
from stepwell.testing.simulation_report import SimulationFailure, SimulationReport
from stepwell.testing.storm import Storm, calm, named, outcomes_of
from stepwell.testing.trouble import Trouble

__all__ = ["SimulationFailure", "SimulationReport", "simulate"]


def simulate(
    calls: Sequence[BoundCall[Any]],
    *,
    seeds: Iterable[int] = (0,),
    database: str | None = None,
    trouble: Trouble | None = None,
    settings: Settings | None = None,
    same_result: bool = True,
) -> SimulationReport:
    """Run these workflows in several processes while everything goes wrong that may, once for every seed.

    Calls to the database are slow, break, or are committed although they seemed to break; processes die, stop for
    longer than their lease and go on, are restarted; the database's clock jumps; runs are cancelled. Then:

    - every run comes to an end, with the outcome that it has without trouble (`same_result`), or cancelled if asked to;
    - an outcome, once recorded, never changes, of a step or of a run; no execution records after a newer one;
    - no body begins whose outcome is recorded, or in a process whose lease may be over, or before what its run had
      recorded is durable, or in an execution that somebody else has replaced.

    `calls`: `workflow.bind(...)`. They are started with an id, and tried again by another process until acknowledged;
    those without an id of their own are now and then called without one, and not tried again. `database` as
    for `crash_everywhere`. On SQLite a seed decides everything: the
    same seed is the same run again. On Postgres the server's answers are not in its power.

    Raises SimulationFailure, which names the seed.
    """
    calls = [named(number, call) for number, call in enumerate(calls)]
    report = SimulationReport()
    where = simulated_database(database)
    try:
        with errors_logged() as errors:
            expected = outcomes_of(calm(where, calls, settings)) if same_result else None
            for seed in seeds:
                where.reset()
                Storm(where, seed, calls, trouble or Trouble(), settings, expected, report, errors).run()
    finally:
        where.close()
    return report
