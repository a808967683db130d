"""Calls, submits and maps of steps keep their types; wrong arguments are reported."""

import asyncio
from typing import Any, assert_type

from stepwell.decorators import AsyncStep, Step
from tests.typing_tests.definitions import any_step, charge, checkout, count, digest, fetch


def plain() -> None:
    assert_type(charge("o-1"), str)
    assert_type(charge("o-1", cents=3), str)
    assert_type(charge.submit("o-1", 3).result(), str)
    assert_type(charge.map(["o-1", "o-2"]), list[str])
    assert_type(charge.map(str(n) for n in range(3)), list[str])
    assert_type(fetch.sync("u"), bytes)
    assert_type(fetch.sync.map(["u"]), list[bytes])
    assert_type(any_step(3), Any)


async def awaited() -> None:
    assert_type(await fetch("u"), bytes)
    assert_type(await fetch.map(["u"]), list[bytes])
    assert_type(await charge.aio("o-1"), str)
    assert_type(await charge.aio.map(["o-1"]), list[str])


async def gathered(urls: list[str]) -> None:
    assert_type(await asyncio.gather(*(fetch(url) for url in urls)), list[bytes])
    assert_type(await asyncio.gather(fetch("u"), count("c"), charge.aio("o-1")), tuple[bytes, int, str])
    assert_type(await asyncio.gather(digest(urls), checkout.aio("o-1")), tuple[list[str], str])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(fetch("u"))
    assert_type(task.result(), bytes)


def views(plain: Step[[int], str], coroutine: AsyncStep[[int], str]) -> None:
    assert_type(plain.aio, AsyncStep[[int], str])
    assert_type(plain.sync, Step[[int], str])
    assert_type(coroutine.sync, Step[[int], str])
    assert_type(coroutine.aio, AsyncStep[[int], str])


def refused() -> None:
    charge(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    charge.submit()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    charge.submit("o-1", "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    charge.map([1, 2])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    fetch.submit("u")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


async def forgotten() -> None:
    fetch("u")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    await charge("o-1")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
