"""asyncio.as_completed makes its tasks in the order of a set: they are named by what they do."""

import asyncio

import pytest

from stepwell import step, workflow
from tests.engine.kit import Exits, Lab

ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


@step
async def note(what: str) -> str:
    ran.append(what)
    return what


async def helper(what: str) -> str:
    return await note(what) + await note(what.upper())


@pytest.mark.parametrize("what", ["abcdefgh", "aabbab"], ids=["different", "alike"])
def test_helpers_in_as_completed_are_found_again(lab: Lab, what: str) -> None:
    exits = Exits(5)

    @step
    async def leave() -> None:
        exits()

    @workflow(name="unordered", replace=True, max_recoveries=50)
    async def unordered() -> list[str]:
        found = [await each for each in asyncio.as_completed([helper(letter) for letter in what])]
        await leave()
        return found

    with lab.engine():
        found = unordered.sync.start().result(timeout=30)
    assert sorted(found) == sorted(letter + letter.upper() for letter in what)
    assert len(ran) == 2 * len(what)  # five replays, and no body ran again
