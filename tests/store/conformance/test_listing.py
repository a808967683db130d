"""Looking: filters, pages, and steps for people to read."""

import pytest

from stepwell.model.looking import RunFilter, RunRow
from stepwell.model.rows import ParentRef
from tests.store.conformance.kit import START, Execution, World, draw, finish, intent, step


async def ids(world: World, **where: object) -> list[str]:
    found = await world.store.list_runs(RunFilter(**where))  # type: ignore[arg-type]
    assert await world.store.count_runs(RunFilter(**where)) == len(found)  # type: ignore[arg-type]
    return [row.workflow_id for row in found]


async def test_the_newest_come_first(world: World) -> None:
    await world.store.start([world.new(workflow_id=name) for name in ("c", "a", "b")])
    assert await ids(world) == ["b", "a", "c"]


async def test_nothing_is_there(world: World) -> None:
    assert await ids(world) == []
    assert await world.store.find_run("nobody") is None
    assert await world.store.get_run(draw()) is None
    assert await world.store.list_steps(draw()) == []


async def test_filter_by_name_and_status(world: World) -> None:
    await world.ended(workflow_id="a", name="pay")
    await world.ended("ERROR", workflow_id="b", name="pay")
    await world.begin(workflow_id="c", name="mail")
    assert await ids(world, name="pay") == ["b", "a"]
    assert await ids(world, status=("ERROR",)) == ["b"]
    assert await ids(world, status=("SUCCESS", "PENDING")) == ["c", "a"]
    assert await ids(world, name="pay", status=("PENDING",)) == []
    assert await ids(world, status=()) == []


async def test_filter_by_prefix_of_the_id(world: World) -> None:
    await world.store.start([world.new(workflow_id=i) for i in ("o-1", "o-2", "O-3", "o%4", "o_5", "p-o-1")])
    assert await ids(world, id_prefix="o-") == ["o-2", "o-1"]
    assert await ids(world, id_prefix="o%") == ["o%4"]
    assert await ids(world, id_prefix="o_") == ["o_5"]


async def test_filter_by_time(world: World) -> None:
    for name in ("a", "b", "c"):
        await world.begin(workflow_id=name)
        await world.clock.advance(10)
    assert await ids(world, since=START + 10) == ["c", "b"]
    assert await ids(world, until=START + 10) == ["a"]
    assert await ids(world, since=START + 5, until=START + 15) == ["b"]


async def test_filter_by_queue(world: World) -> None:
    await world.store.start([world.new(workflow_id="a", queue="mail"), world.new(workflow_id="b", queue="other")])
    await world.begin(workflow_id="c")
    assert await ids(world, queue="mail") == ["a"]
    assert await ids(world, queue="nobody") == []
    assert await ids(world, queue="other", status=("PENDING",)) == ["b"]
    assert await ids(world, queue="other", status=("SUCCESS",)) == []


async def test_filter_by_parent(world: World) -> None:
    parent = await world.begin(workflow_id="p")
    await world.begin(workflow_id="c", parent=ParentRef(parent.run_id, "0", 0))
    assert await ids(world, parent_run=parent.run_id) == ["c"]
    (child,) = await world.store.list_runs(RunFilter(parent_run=parent.run_id))
    assert (child.parent_run, child.parent_id) == (parent.run_id, "p")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ('{"city": "Rome"}', ["b", "a"]),
        ('{"city": "Rome", "n": 1}', ["a"]),
        ('{"n": true}', []),
        ('{"n": 1.0}', ["a"]),
        ('{"tags": ["x"]}', ["b"]),
        ('{"deep": {"y": null}}', ["b"]),
        ('{"deep": {"x": 2}}', []),
        ("{}", ["b", "a"]),
    ],
)
async def test_filter_by_attributes(world: World, wanted: str, found: list[str]) -> None:
    await world.begin(workflow_id="a", attributes='{"city": "Rome", "n": 1, "deep": {"x": 1}}')
    await world.begin(
        workflow_id="b",
        attributes='{"city": "Rome", "n": 2, "tags": ["w", "x"], "deep": {"x": 1, "y": null}}',
    )
    await world.begin(workflow_id="c")
    assert await ids(world, attributes=wanted) == found


async def test_attributes_that_were_set_later_are_found(world: World) -> None:
    run = await world.begin(workflow_id="a")
    await world.store.update_attributes(run.run_id, '{"n": 1}')
    assert await ids(world, attributes='{"n": 1}') == ["a"]


async def test_pages_neither_repeat_nor_miss(world: World) -> None:
    for name in range(7):
        await world.begin(workflow_id=f"o-{name}", name="pay" if name % 2 else "mail")
    seen: list[RunRow] = []
    for size in (3, 3, 1, 0):
        after = seen[-1].run_id if seen else None
        page = await world.store.list_runs(RunFilter(limit=3, after=after))
        assert len(page) == size
        seen += page
        await world.begin(workflow_id=f"new-{size}-{len(seen)}")
    assert [row.workflow_id for row in seen] == [f"o-{n}" for n in range(6, -1, -1)]
    filtered = await world.store.list_runs(RunFilter(name="pay", limit=2))
    rest = await world.store.list_runs(RunFilter(name="pay", limit=2, after=filtered[-1].run_id))
    assert [row.workflow_id for row in filtered + rest] == ["o-5", "o-3", "o-1"]


async def test_a_count_counts_all_pages(world: World) -> None:
    first = await world.begin()
    for _ in range(4):
        await world.begin()
    assert await world.store.count_runs(RunFilter(limit=2, after=first.run_id)) == 5


async def test_payloads_are_listed_only_when_asked_for(world: World) -> None:
    run = await world.begin(input="[1]", attributes='{"a": 1}')
    await world.end(run)
    (bare,) = await world.store.list_runs(RunFilter())
    assert (bare.input, bare.output, bare.error) == (None, None, None)
    assert bare.attributes is not None
    (full,) = await world.store.list_runs(RunFilter(), payloads=True)
    assert (full.input, full.output, full.error) == ("[1]", '"done"', None)
    assert full == await world.row(run)


async def test_input_and_output_may_have_gone_through_different_codecs(world: World) -> None:
    """The one that starts a run and the one that executes it need not be configured alike."""
    run = await world.begin(codec_id="zip")
    assert ((await world.row(run)).codec_id, (await world.row(run)).output_codec_id) == ("zip", None)
    await world.written(finish(run, codec_id="crypt"))
    plain = await world.begin()
    await world.written(finish(plain, codec_id="crypt"))
    listed = await world.store.list_runs(RunFilter(), payloads=True)
    assert [(row.codec_id, row.output_codec_id) for row in listed] == [(None, "crypt"), ("zip", "crypt")]


async def test_a_row_says_whose_it_is(world: World) -> None:
    other = await world.another(namespace="tenant-2", app="billing")
    run = await world.begin()
    (started,) = await other.start([world.new(workflow_id="o-1")])
    theirs = await other.get_run(started.run_id)
    assert theirs is not None
    assert (theirs.namespace, theirs.app) == ("tenant-2", "billing")
    (mine,) = await world.store.list_runs(RunFilter())
    assert (mine.run_id, mine.namespace, mine.app) == (run.run_id, "default", "default")


async def test_namespaces_do_not_see_each_other(world: World) -> None:
    other = await world.another(namespace="tenant-2")
    run = await world.begin(workflow_id="o-1")
    assert await other.list_runs(RunFilter()) == []
    assert await other.count_runs(RunFilter()) == 0
    assert await other.find_run("o-1") is None
    assert await world.store.get_run(run.run_id) is not None


async def test_apps_of_one_namespace_see_each_other(world: World) -> None:
    other = await world.another(app="billing")
    await world.begin(workflow_id="o-1")
    assert (await other.find_run("o-1")) is not None


# -- steps --------------------------------------------------------------------------------------------------


async def run_with_steps(world: World) -> Execution:
    run = await world.begin()
    await world.clock.advance(10)
    await world.written(
        step(run, 1, pos=1, elapsed=2.5),
        step(run, 0, pos=0, codec_id="zip", attempts=3),
        step(
            run,
            0,
            branch="0.1",
            pos=2,
            kind="child",
            child_run=run.run_id,
            ended="error",
            error='"e"',
            output=None,
        ),
        intent(run, 2, "attempt", attempt=1, delay=5.0, error='"again"'),
    )
    return run


async def test_steps_are_told_by_pos_and_then_what_has_begun(world: World) -> None:
    run = await run_with_steps(world)
    steps = await world.store.list_steps(run.run_id)
    assert [(s.branch, s.seq, s.ended) for s in steps] == [
        ("0", 0, "ok"), ("0", 1, "ok"), ("0.1", 0, "error"), ("0", 2, None),
    ]  # fmt: skip
    first, second, child, begun = steps
    assert (first.run_id, first.name, first.kind, first.output) == (run.run_id, "step_0", "step", '"out 0"')
    assert (first.codec_id, first.attempts, first.pos, first.epoch) == ("zip", 3, 0, 1)
    assert (second.started_at, second.completed_at) == (START + 7.5, START + 10)
    assert (child.child_run, child.error, child.due) == (run.run_id, '"e"', None)
    assert (begun.kind, begun.attempts, begun.due, begun.pos) == ("attempt", 1, START + 15, None)
    assert begun.completed_at is None


async def test_steps_without_payloads(world: World) -> None:
    run = await run_with_steps(world)
    steps = await world.store.list_steps(run.run_id, payloads=False)
    assert {(s.output, s.error) for s in steps} == {(None, None)}
    assert len(steps) == 4


async def test_steps_come_in_pages(world: World) -> None:
    run = await run_with_steps(world)
    first = await world.store.list_steps(run.run_id, limit=2)
    second = await world.store.list_steps(run.run_id, limit=2, after_pos=first[-1].pos or 0)
    assert [s.pos for s in first + second] == [0, 1, 2, None]


async def test_what_was_settled_has_begun_no_longer(world: World) -> None:
    run = await run_with_steps(world)
    await world.written(step(run, 2, pos=3, settles_intent=True), finish(run))
    assert [s.ended for s in await world.store.list_steps(run.run_id)] == ["ok", "ok", "error", "ok"]
