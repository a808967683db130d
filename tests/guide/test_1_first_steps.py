"""Page 1: functions that survive crashes. Read it from top to bottom; everything here runs.

A *workflow* is an ordinary function that is remembered in your database. Its *steps* are the functions in it that
touch the world. Once a step's outcome is recorded, that step never runs again for this workflow.
"""

import pytest

from stepwell import Stepwell, WorkflowConflict, sleep, step, workflow
from tests.engine.kit import eventually

# In a shop these would be a payment provider and a warehouse.
charges: list[str] = []
stock = {"anvil": 2}


@step(retry=3)  # at least once, then never again once recorded
def charge(order_id: str, cents: int) -> str:
    charges.append(order_id)
    return f"receipt for {order_id}: {cents}"


@step
def reserve(sku: str) -> bool:
    if stock[sku] == 0:
        return False
    stock[sku] -= 1
    return True


@workflow  # an ordinary function; it resumes from its last recorded step
def checkout(order_id: str, sku: str, cents: int) -> str:
    while not reserve(sku):
        sleep(0.05)  # durable: survives restarts; a day would hold no thread and no connection
    return charge(order_id, cents)


@pytest.fixture(autouse=True)
def a_new_day() -> None:
    charges.clear()
    stock["anvil"] = 2


def test_calling_runs_it_here_and_waits(database_url: str) -> None:
    engine = Stepwell(database_url)
    with engine:  # migrate, take over, claim work; leaving the block drains and stops
        assert checkout("o-1", "anvil", 4200) == "receipt for o-1: 4200"


def test_starting_gives_a_handle(database_url: str) -> None:
    with Stepwell(database_url):
        handle = checkout.options(id="o-2").start("o-2", "anvil", 4200)
        assert handle.id == "o-2"
        assert handle.result(timeout=60) == "receipt for o-2: 4200"
        assert handle.status().status == "SUCCESS"


def test_the_id_makes_it_idempotent(database_url: str) -> None:
    """The same id is the same run: a double click pays once."""
    with Stepwell(database_url):
        first = checkout.options(id="o-3").start("o-3", "anvil", 4200)
        second = checkout.options(id="o-3").start("o-3", "anvil", 4200)
        assert first.run_id == second.run_id
        assert first.result() == second.result()
        assert charges == ["o-3"]

        with pytest.raises(WorkflowConflict):  # the same id for something else is a mistake
            checkout.options(id="o-3").start("o-3", "anvil", 1)


def test_everything_it_did_can_be_looked_at(database_url: str) -> None:
    stock["anvil"] = 0
    with Stepwell(database_url) as engine:
        handle = checkout.options(id="o-4").start("o-4", "anvil", 4200)
        eventually(handle.steps)
        stock["anvil"] = 1
        handle.result()
        did = [each.name for each in handle.steps()]
        assert did[:2] == ["reserve", "sleep"]
        assert did[-2:] == ["reserve", "charge"]
        assert engine.explain("o-4").startswith("SUCCESS")


def test_it_outlives_its_process(database_url: str) -> None:
    """Closing an engine releases what only waits; another process, or the next start, goes on from there."""
    stock["anvil"] = 0
    with Stepwell(database_url):
        checkout.options(id="o-5").start("o-5", "anvil", 4200)
    stock["anvil"] = 1
    with Stepwell(database_url) as engine:
        assert engine.handle("o-5").result() == "receipt for o-5: 4200"
    assert charges == ["o-5"]
