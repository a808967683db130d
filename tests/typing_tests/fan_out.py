"""The types of `map` on workflows, of both colours: what is given, and when exceptions are among it."""

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from stepwell import TooManyFailures
from tests.typing_tests.definitions import Shop, checkout, digest, refund, untyped

shop = Shop()


def blocking(share: float) -> None:
    assert_type(checkout.map(["o-1", "o-2"]), Iterator[str])
    assert_type(checkout.map(id for id in ("o-1", "o-2")), Iterator[str])
    assert_type(checkout.map(["o-1"], concurrency=5, tolerate=0, ordered=False), Iterator[str])
    assert_type(checkout.map(["o-1"], tolerate=3), Iterator[str | Exception])
    assert_type(checkout.map(["o-1"], tolerate=share), Iterator[str | Exception])
    assert_type(checkout.map([checkout.bind("o-1", 3)]), Iterator[str])
    assert_type(checkout.map([checkout.bind("o-1", 3)], tolerate=0.5), Iterator[str | Exception])
    assert_type(refund.map([refund.bind("o-1", full=True)]), Iterator[int])
    assert_type(checkout.options(queue="q").map(["o-1"]), Iterator[str])
    assert_type(digest.sync.map([["a"], ["b"]]), Iterator[list[str]])
    assert_type(shop.pay.map([1, 2]), Iterator[str])
    untyped.map([1])

    checkout.map([1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType, reportCallIssue]
    refund.map(["o-1"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    checkout.map([refund.bind("o-1", full=True)])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType, reportCallIssue]


async def awaited() -> None:
    assert_type(digest.map([["a"], ["b"]]), AsyncIterator[list[str]])
    assert_type(digest.map([["a"]], tolerate=1), AsyncIterator[list[str] | Exception])
    assert_type(digest.map([digest.bind(["a"])]), AsyncIterator[list[str]])
    assert_type(checkout.aio.map(["o-1"]), AsyncIterator[str])
    assert_type(shop.pay_later.map([1, 2]), AsyncIterator[str])
    assert_type([each async for each in checkout.aio.map(["o-1"])], list[str])
    digest.map(["a"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType, reportCallIssue]


def failed(error: TooManyFailures) -> None:
    assert_type(error.failures, list[Exception])
    assert_type(error.total, int)
