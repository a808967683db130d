"""Whether an execution still owns its run: what a commit in another database is allowed by."""

from tests.store.conformance.kit import World, draw


async def test_an_execution_owns_its_run_until_another_one_has_it_or_it_ended(world: World) -> None:
    run = await world.begin()
    assert await world.store.owns(run.run_id, run.epoch)
    assert not await world.store.owns(run.run_id, run.epoch + 1)
    assert not await world.store.owns(draw(), run.epoch)
    await world.end(run)
    assert not await world.store.owns(run.run_id, run.epoch)


async def test_a_run_that_was_given_back_is_nobodys(world: World) -> None:
    run = await world.begin()
    await world.release(run)
    assert not await world.store.owns(run.run_id, run.epoch)
