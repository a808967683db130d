"""resume_failed: a run in ERROR and its failed children go on, without what their plans say."""

from stepwell.model.resumption import Resumption
from stepwell.model.rows import ParentRef
from tests.store.conformance.kit import Execution, World, draw, finish, step
from tests.store.conformance.talk import entry, event, keys, message, published, sent, value, values

A, B, C = ("0", 0), ("0", 1), ("0", 2)


async def failed(world: World, **fields: object) -> Execution:
    """A run in ERROR with three outcomes, the second of which is a failure."""
    run = await world.begin(**fields)
    error = step(run, 1, ended="error", output=None, error='{"type":"E"}')
    await world.written(
        step(run, 0), error, step(run, 2), finish(run, status="ERROR", output=None, error='{"type":"E"}')
    )
    return run


async def test_what_the_plan_says_is_archived_and_all_else_stays(world: World) -> None:
    run = await failed(world)
    assert await world.store.resume_failed([Resumption(run.run_id, 1, (B,))])
    row = await world.row(run)
    assert (row.status, row.epoch, row.error, row.completed_at) == ("ENQUEUED", 2, None, None)
    claimed = await world.claim_one()
    assert [(each.branch, each.seq) for each in claimed.history] == [A, C]


async def test_children_of_what_is_undone_make_room_and_those_of_what_is_tried_again_do_not(world: World) -> None:
    run = await failed(world)
    again, undone = [(await world.begin(parent=ParentRef(run.run_id, *place))).run_id for place in (B, C)]
    assert await world.store.resume_failed([Resumption(run.run_id, 1, (B,), (C,))])
    met = [await world.start(parent=ParentRef(run.run_id, *place)) for place in (B, C)]
    assert [each.created for each in met] == [False, True]
    assert met[0].run_id == again
    assert met[1].run_id != undone


async def test_a_parent_and_its_child_together(world: World) -> None:
    parent = await failed(world)
    child = await failed(world, parent=ParentRef(parent.run_id, *B))
    assert await world.store.resume_failed([Resumption(parent.run_id, 1, (B,)), Resumption(child.run_id, 1, (B,))])
    assert [(await world.row(run)).status for run in (parent, child)] == ["ENQUEUED", "ENQUEUED"]
    claimed = next(each for each in await world.claim() if each.run_id == parent.run_id)
    await world.written(finish(claimed))
    assert (await world.store.children_left(None, 10, 10))[0] == [child.run_id], "it still ends with its parent"


async def test_all_or_none(world: World) -> None:
    first, second, live = await failed(world), await failed(world), await world.begin()
    for other in (Resumption(second.run_id, 7), Resumption(live.run_id, 1), Resumption(draw(), 1)):
        assert not await world.store.resume_failed([Resumption(first.run_id, 1, (B,)), other])
    assert (await world.row(first)).status == "ERROR"
    assert len(await world.store.list_steps(first.run_id)) == 3


async def test_a_delivered_cancellation_is_taken_back_too(world: World) -> None:
    run = await world.begin()
    cancel = step(run, 0, branch="!cancel", kind="cancel", pos=1)
    error = step(run, 1, pos=2, ended="error", output=None, error='{"type":"E"}')
    await world.written(step(run, 0, pos=0), cancel, error, finish(run, status="ERROR", output=None, error="{}"))
    assert await world.store.resume_failed([Resumption(run.run_id, 1, (B,))])
    assert [(each.branch, each.seq) for each in (await world.claim_one()).history] == [A]


async def test_again_and_again(world: World) -> None:
    run = await failed(world)
    for epoch in (1, 3, 5):
        assert await world.store.resume_failed([Resumption(run.run_id, epoch, (B,), (C,))])
        claimed = await world.claim_one()
        error = step(claimed, 1, ended="error", output=None, error="{}")
        await world.written(error, step(claimed, 2), finish(claimed, status="ERROR", output=None, error="{}"))


async def test_what_is_archived_may_receive_and_publish_again(world: World) -> None:
    run = await world.begin()
    await sent(world, *(message(run.run_id, key) for key in "abc"))
    places = {"k0": 0, "k1": 1, "k2": 2}
    await published(world, *(event(run, key, '"first"', seq) for key, seq in places.items()))
    await published(world, *(entry(run, f'"{seq}"', seq=seq) for seq in range(3)))
    receives = [step(run, seq, kind="recv", consumes=key) for seq, key in enumerate("ab")]
    error = step(run, 2, kind="recv", ended="error", output=None, error="{}", consumes="c")
    await world.written(*receives, error, finish(run, status="ERROR", output=None, error="{}"))
    assert await keys(world, run) == []
    assert await world.store.resume_failed([Resumption(run.run_id, 1, (C,), (B,))])
    assert await keys(world, run) == ["b", "c"]
    claimed = await world.claim_one()
    await published(world, *(event(claimed, key, '"again"', seq) for key, seq in places.items()))
    await published(world, *(entry(claimed, f'"{seq} again"', seq=seq) for seq in range(3)))
    assert [await value(world, run, key) for key in places] == ['"first"', '"again"', '"again"']
    assert await values(world, run, "log") == ['"0"', '"1"', '"2"', '"1 again"', '"2 again"']
