"""Calls, starts and handles of workflows keep their types; wrong arguments are reported."""

from typing import Any, assert_type

from stepwell.core.definition import BoundCall
from stepwell.decorators import AsyncWorkflow, Workflow
from stepwell.handle import AsyncHandle, Handle
from tests.typing_tests.definitions import checkout, digest, nightly, refund, untyped


def plain() -> None:
    assert_type(checkout("o-1"), str)
    assert_type(checkout("o-1", cents=3), str)
    assert_type(refund("o-1", full=True), int)
    assert_type(checkout.start("o-1"), Handle[str])
    assert_type(checkout.start("o-1").result(timeout=3), str)
    assert_type(checkout.handle("o-1"), Handle[str])
    assert_type(checkout.bind("o-1"), BoundCall[str])
    assert_type(checkout.start_many([checkout.bind("o-1"), checkout.bind("o-2", 3)]), list[Handle[str]])
    assert_type(digest.sync(["a"]), list[str])
    assert_type(digest.sync.start(["a"]), Handle[list[str]])
    assert_type(nightly.sync(), None)


async def awaited() -> None:
    assert_type(await digest(["a"]), list[str])
    assert_type(await digest.start(["a"]), AsyncHandle[list[str]])
    assert_type(await (await digest.start(["a"])).result(), list[str])
    assert_type(digest.handle("d-1"), AsyncHandle[list[str]])
    assert_type(digest.bind(["a"]), BoundCall[list[str]])
    assert_type(await digest.start_many([digest.bind(["a"])]), list[AsyncHandle[list[str]]])
    assert_type(await checkout.aio("o-1"), str)
    assert_type(await checkout.aio.start("o-1"), AsyncHandle[str])
    assert_type(await checkout.aio.handle("o-1").result(), str)
    assert_type(await nightly(), None)


def views(plain: Workflow[[int], str], coroutine: AsyncWorkflow[[int], str]) -> None:
    assert_type(plain.aio, AsyncWorkflow[[int], str])
    assert_type(plain.sync, Workflow[[int], str])
    assert_type(coroutine.aio, AsyncWorkflow[[int], str])
    assert_type(coroutine.sync, Workflow[[int], str])
    assert_type(coroutine.sync.aio.sync, Workflow[[int], str])
    assert_type(plain.__name__, str)


def returns_any() -> None:
    assert_type(untyped(3), Any)
    assert_type(untyped.start(3).result(), Any)
    assert_type(untyped.handle("u-1").result(), Any)


def refused() -> None:
    checkout(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    checkout("o-1", dollars=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    checkout.start(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout.bind("o-1", "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout.aio(1)  # type: ignore[arg-type, unused-coroutine]  # pyright: ignore[reportArgumentType, reportUnusedCoroutine]
    refund("o-1", True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    digest.sync("a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout.start_many([refund.bind("o-1", full=True)])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    checkout.handle(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def forgotten() -> None:
    digest(["a"])  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    digest.start(["a"])  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    await checkout("o-1")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
