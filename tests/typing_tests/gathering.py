"""The types of `gather`, of both colours, with and without names."""

from collections.abc import Callable
from functools import partial
from typing import assert_type

import stepwell
from stepwell import StepFuture, step


@step
async def price(shop: str) -> int:
    return len(shop)


@step
async def name(shop: str) -> str:
    return shop


@step
def weigh(sku: str) -> int:
    return len(sku)


async def awaited(shops: list[str]) -> None:
    assert_type(await stepwell.aio.gather(price("a"), name("b")), tuple[int, str])
    assert_type(await stepwell.aio.gather(*(price(shop) for shop in shops)), list[int])
    assert_type(await stepwell.aio.gather(a=lambda: price("a"), b=lambda: price("b")), dict[str, int])
    assert_type(await stepwell.aio.gather({shop: partial(price, shop) for shop in shops}), dict[str, int])
    assert_type(await stepwell.aio.gather(return_exceptions=True, a=lambda: price("a")), dict[str, int | BaseException])


def blocking(futures: list[StepFuture[int]], calls: dict[str, Callable[[], StepFuture[int]]]) -> None:
    assert_type(stepwell.gather(*futures), list[int])
    assert_type(stepwell.gather(a=lambda: weigh.submit("a")), dict[str, int])
    assert_type(stepwell.gather(calls), dict[str, int])
