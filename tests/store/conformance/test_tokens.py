"""What tokens need of a store: one secret for all, and who answered first."""

import asyncio

from tests.store.conformance.kit import World
from tests.store.conformance.talk import message, sent


async def test_the_first_secret_stays(world: World) -> None:
    kept = await asyncio.gather(*(world.store.secret("tokens", f"proposal {n}") for n in range(5)))
    assert len(set(kept)) == 1
    assert kept[0].startswith("proposal")
    assert await world.store.secret("other", "another") == "another"


async def test_a_namespace_has_its_own(world: World) -> None:
    await world.store.secret("tokens", "mine")
    other = await world.another(namespace="other")
    assert await other.secret("tokens", "theirs") == "theirs"
    again = await world.another(app="another")
    assert await again.secret("tokens", "nobody's") == "mine"


async def test_who_answered_first(world: World) -> None:
    run = await world.begin()
    assert await world.store.answered_by(run.run_id, "t") is None
    await sent(world, message(run.run_id, "t", reply_to="first"), message(run.run_id, "t", reply_to="second"))
    assert await world.store.answered_by(run.run_id, "t") == "first"
    await sent(world, message(run.run_id, "u"))
    assert await world.store.answered_by(run.run_id, "u") is None
