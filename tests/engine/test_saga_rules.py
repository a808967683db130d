"""Sagas in sagas and in branches; what may be pushed, where, and in which colour."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

import stepwell
from stepwell import (
    AsyncMismatch,
    NotInWorkflow,
    Stepwell,
    StepwellError,
    UsageError,
    WorkflowFailed,
    step,
    workflow,
)
from tests.engine.kit import Exits, Gate, Lab, eventually, names, reaches

ran: list[str] = []
gates: list[Gate] = []


class Declined(Exception):
    """What makes the block fail."""


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    gates[:] = [Gate()]


@step
def do(what: str) -> str:
    if what.startswith("fails"):
        raise Declined(what)
    ran.append(what)
    return what


@step
def undo(what: str) -> None:
    ran.append(f"undo {what}")


@step
async def undo_async(what: str) -> None:
    ran.append(f"undo {what}")


@workflow
def undoing(what: str) -> None:
    undo(what)


def plainly(what: str) -> object:
    ran.append(f"undo {what} plainly")
    return object()  # nothing that could be recorded


async def plainly_async(what: str) -> object:
    ran.append(f"undo {what} plainly")
    return object()


class Shop:
    @step
    def refund(self, what: str) -> None:
        ran.append(f"refund {what}")

    def restock(self, what: str) -> None:
        ran.append(f"restock {what}")


# -- sagas within sagas ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dismissed", [False, True])
def test_an_inner_saga_that_is_done_is_the_outer_ones(engine: Stepwell, dismissed: bool) -> None:
    def book() -> None:
        with stepwell.saga() as inner:
            inner.push(undo, do("two"))
            inner.push(undo, do("three"))
            if dismissed:
                inner.dismiss()

    @workflow(name="nested", replace=True)
    def flow() -> None:
        with stepwell.saga() as s:
            s.push(undo, do("one"))
            book()
            s.push(undo, do("four"))
            do("fails")

    with pytest.raises(Declined):
        flow()
    inner = [] if dismissed else ["undo three", "undo two"]
    assert ran == ["one", "two", "three", "four", "undo four", *inner, "undo one"]


@pytest.mark.parametrize("caught", [False, True])
async def test_an_inner_saga_that_fails_is_undone_by_itself(engine: Stepwell, caught: bool) -> None:
    @workflow(name="nested_async", replace=True)
    async def flow() -> None:
        async with stepwell.aio.saga() as s:
            s.push(undo_async, await do.aio("one"))
            try:
                async with stepwell.aio.saga() as inner:
                    inner.push(undo_async, await do.aio("two"))
                    await do.aio("fails")
            except Declined:
                if not caught:
                    raise
            await do.aio("three")

    if caught:
        await flow()
        assert ran == ["one", "two", "undo two", "three"]
    else:
        with pytest.raises(Declined):
            await flow()
        assert ran == ["one", "two", "undo two", "undo one"]


def test_a_childs_saga_is_not_its_parents(engine: Stepwell) -> None:
    """A run that has ended well stays as it is."""

    @workflow(name="child", replace=True)
    def child() -> None:
        with stepwell.saga() as s:
            s.push(undo, do("child"))

    @workflow(name="parent", replace=True)
    def parent() -> None:
        with stepwell.saga() as s:
            s.push(undo, do("parent"))
            child()
            do("fails")

    with pytest.raises(Declined):
        parent()
    assert ran == ["parent", "child", "undo parent"]


# -- branches ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exits", [0, 3])
def test_a_branch_that_its_sibling_ends_is_undone(engine: Stepwell, exits: int) -> None:
    leave = Exits(exits)

    @step
    async def leaving() -> None:
        leave()

    async def waits() -> None:
        async with stepwell.aio.saga() as s:
            s.push(undo_async, await do.aio("one"))
            s.push(leaving)
            gates[0].open()
            await stepwell.aio.sleep(3600)

    async def fails() -> None:
        await stepwell.aio.sleep(0.05)
        await gates[0].opened.wait_async()
        await do.aio("fails")

    @workflow(name="branches", replace=True)
    async def flow() -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(waits())
                group.create_task(fails())
        except* Declined:
            ran.append("failed")
        return "done"

    assert flow.sync.start().result() == "done"
    assert [each for each in ran if each != "failed"] == ["one", "undo one"]
    assert ran[-1] == "failed"


@pytest.mark.parametrize("exits", [0, 2])
def test_a_branch_that_the_function_leaves_behind_is_undone(engine: Stepwell, exits: int) -> None:
    leave = Exits(exits)
    tasks: list[Any] = []

    @step
    async def leaving() -> None:
        leave()

    async def branch() -> None:
        async with stepwell.aio.saga() as s:
            s.push(undo_async, await do.aio("one"))
            s.push(leaving)
            await stepwell.aio.sleep(3600)

    @workflow(name="left_behind", replace=True)
    async def flow() -> str:
        tasks.append(asyncio.create_task(branch()))
        await stepwell.aio.sleep(0.1)
        return "done"

    assert flow.sync.start().result() == "done"
    assert ran == ["one", "undo one"]


def test_branches_push_onto_their_parents_saga(engine: Stepwell) -> None:
    exits = Exits(3)

    @step
    async def leaving() -> None:
        exits()

    @workflow(name="saga:shared", replace=True)
    async def flow() -> None:
        async def one(s: stepwell.AsyncSaga, what: str) -> None:
            await stepwell.aio.sleep(0.05 if what == "a" else 0.01)
            s.push(undo_async, await do.aio(what))

        async with stepwell.aio.saga() as s:
            await asyncio.gather(*(one(s, what) for what in "abc"))
            s.push(leaving)
            await do.aio("fails")

    handle = flow.sync.start()
    with pytest.raises(Declined):
        handle.result()
    assert ran[3:] == [f"undo {what}" for what in reversed(ran[:3])]


# -- what may be pushed ------------------------------------------------------------------------------------------


def test_what_a_def_saga_takes(engine: Stepwell) -> None:
    shop = Shop()

    @workflow(name="takes", replace=True)
    def flow() -> None:
        with stepwell.saga() as s:
            s.push(undo, "a step")
            s.push(undo_async.sync, "an async step")
            s.push(undo.options(name="other", retry=2), what="by name")
            s.push(undoing, "by a child")
            s.push(shop.refund, "method")
            s.push(shop.restock, "plain method")
            s.push(plainly, "it")
            do("fails")

    handle = flow.start()
    with pytest.raises(Declined):
        handle.result()
    assert ran == [
        "undo it plainly",
        "restock plain method",
        "refund method",
        "undo by a child",
        "undo by name",
        "undo an async step",
        "undo a step",
    ]
    child = undoing.definition.name
    recorded = ["do", "plainly", "Shop.restock", "Shop.refund", child, "other", "undo_async", "undo"]
    assert names(handle) == recorded


async def test_what_an_async_saga_takes(engine: Stepwell) -> None:
    shop = Shop()

    @workflow(name="takes_async", replace=True)
    async def flow() -> None:
        async with stepwell.aio.saga() as s:
            s.push(undo_async, "a step")
            s.push(undo.aio, "a def step")
            s.push(undoing.aio, "by a child")
            s.push(shop.refund.aio, "method")
            s.push(plainly, "it")
            s.push(plainly_async, "it")
            await do.aio("fails")

    handle = await flow.start()
    with pytest.raises(Declined):
        await handle.result()
    assert ran == [
        "undo it plainly",
        "undo it plainly",
        "refund method",
        "undo by a child",
        "undo a def step",
        "undo a step",
    ]


@step
def pushing(s: Any) -> None:
    s.push(undo, "x")


def test_a_transaction_undoes(lab: Lab, database_url: str) -> None:
    """Exactly once, with the arguments that a caller gives: without the connection."""
    annotation: Any = sqlite3.Connection if database_url.startswith("sqlite") else psycopg.Connection

    def give_back(conn: Any, what: str, times: int = 1) -> None:
        ran.append(f"undo {what}")
        for _ in range(times):
            conn.execute(f"insert into undone (what) values ('{what}')")

    give_back.__annotations__["conn"] = annotation
    undoing = stepwell.transaction(name="give_back")(give_back)

    def look_up(conn: Any) -> int:
        return int(conn.execute("select count(*) from undone").fetchone()[0])

    look_up.__annotations__["conn"] = annotation
    look = stepwell.transaction(name="look")(look_up)

    @workflow(name="with_transaction", replace=True)
    def flow() -> int:
        try:
            with stepwell.saga() as s:
                s.push(undoing, "one", times=2)
                with pytest.raises(TypeError, match="give_back: "):
                    s.push(undoing)
                do("fails")
        except Declined:
            return look()
        return -1

    with contextlib.ExitStack() as stack:
        if database_url.startswith("sqlite"):
            lab.launch().close()
            path = urlsplit(database_url).path.removeprefix("/")
            stack.enter_context(contextlib.closing(sqlite3.connect(path))).execute("create table undone (what text)")
        else:
            postgres = stack.enter_context(psycopg.connect(database_url, autocommit=True))
            postgres.execute("create table undone (what text)")
            stack.callback(postgres.execute, "drop table undone")
        with lab.engine():
            assert flow() == 2
    assert ran == ["undo one"]


REFUSED: list[tuple[str, type[Exception], str, Callable[[Any], Any]]] = [
    ("async step", AsyncMismatch, "push undo_async.sync", lambda s: s.push(undo_async, "x")),
    ("async function", AsyncMismatch, "plainly_async is async", lambda s: s.push(plainly_async, "x")),
    ("lambda", UsageError, "has a name", lambda s: s.push(lambda: None)),
    ("partial", UsageError, "has a name", lambda s: s.push(partial(plainly, "x"))),
    ("class", UsageError, "has a name", lambda s: s.push(Shop)),
    ("nothing", UsageError, "has a name", lambda s: s.push(None)),
    ("too few arguments", TypeError, "undo: missing a required argument: 'what'", lambda s: s.push(undo)),
    ("too many arguments", TypeError, "plainly: too many", lambda s: s.push(plainly, "x", "y")),
    ("twice", UsageError, "used once", lambda s: s.__enter__()),
    ("in a step", UsageError, "not into a step", lambda s: pushing(s)),
]


@pytest.mark.parametrize(("error", "message", "wrong"), [each[1:] for each in REFUSED], ids=[e[0] for e in REFUSED])
def test_what_it_refuses_at_once(
    engine: Stepwell, error: type[Exception], message: str, wrong: Callable[[Any], Any]
) -> None:
    @workflow(name="refused_saga", replace=True)
    def flow() -> None:
        with stepwell.saga() as s:
            wrong(s)

    with pytest.raises(error, match=message):
        flow()
    assert ran == []


async def test_the_other_colour_is_refused(engine: Stepwell) -> None:
    @workflow(name="def_in_async", replace=True)
    async def def_in_async() -> None:
        with stepwell.saga():
            pass

    @workflow(name="async_in_def", replace=True)
    def async_in_def() -> None:
        coroutine = stepwell.aio.saga().__aenter__()
        with contextlib.suppress(StopIteration):
            coroutine.send(None)

    @workflow(name="def_step_in_async", replace=True)
    async def def_step_in_async() -> None:
        async with stepwell.aio.saga() as s:
            s.push(undo, "x")

    with pytest.raises(AsyncMismatch, match=r"use `async with stepwell\.aio\.saga\(\)`"):
        await def_in_async()
    with pytest.raises(AsyncMismatch, match=r"use `with stepwell\.saga\(\)`"):
        await async_in_def.aio()
    with pytest.raises(AsyncMismatch, match=r"push undo\.aio"):
        await def_step_in_async()


def test_outside_a_workflow_and_after_its_block(engine: Stepwell) -> None:
    with pytest.raises(NotInWorkflow), stepwell.saga():
        pass

    @workflow(name="after", replace=True)
    def after() -> None:
        with stepwell.saga() as s:
            do("one")
        s.push(undo, "one")

    with pytest.raises(UsageError, match="the saga's own block"):
        after()


def test_what_may_have_been_done_half_way_is_pushed_before(engine: Stepwell) -> None:
    """Its process died within an at_most_once step: nobody knows, so what undoes it looks by itself."""
    exits = Exits(1)

    @step(at_most_once=True)
    def once() -> None:
        ran.append("perhaps")
        exits()

    @workflow(name="before", replace=True)
    def before() -> None:
        with stepwell.saga() as s:
            s.push(undo, "perhaps")
            once()

    handle = before.start()
    with pytest.raises((stepwell.StepInterrupted, WorkflowFailed, StepwellError)):
        handle.result()
    assert ran == ["perhaps", "undo perhaps"]
    eventually(lambda: reaches(handle, "ERROR"))
