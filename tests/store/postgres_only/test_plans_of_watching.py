"""What looks every second reads indexes, whatever the planner's statistics say."""

from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.params import statement
from tests.store.postgres_only.explain import Plan, explain
from tests.store.postgres_only.test_plans import RUNS, filled, filled_url, statistics

__all__ = ["filled", "filled_url", "statistics"]


async def plan_of(store: PostgresStore, verb: str, *values: object) -> Plan:
    sql = store._lanes.sql
    asked = statement(sql("watching/by_index")), statement(sql(verb), "default", *values)
    await explain(store, store._lanes.misc, *asked)  # the session learns what it needs of the catalogs
    _, plan = await explain(store, store._lanes.misc, *asked)
    assert plan.large_scans == [], f"{plan.large_scans} in\n{plan.sql}"
    return plan


async def test_vitals(filled: PostgresStore) -> None:
    plan = await plan_of(filled, "watching/vitals", None, 10_000)
    assert plan.indexes >= {
        "workflow_status_unusual", "workflow_status_owner", "workflow_status_name", "workflow_status_completed",
    }  # fmt: skip
    # One run in 50 has each of three live statuses, and may be on a page of its own; of names only the ends are read.
    assert plan.buffers <= 5 * RUNS // 50


async def test_vitals_that_stop(filled: PostgresStore) -> None:
    assert (await plan_of(filled, "watching/vitals", None, 10)).buffers <= 500


async def test_queues(filled: PostgresStore) -> None:
    plan = await plan_of(filled, "queues/list", None, 10_000)
    assert plan.indexes >= {"workflow_status_queued"}
    assert plan.buffers <= 200
