"""Methods are bound like any other; views of a bound method are not bound a second time."""

from typing import assert_type

from stepwell.decorators import AsyncStep, AsyncWorkflow, Step, Workflow
from stepwell.handle import AsyncHandle, Handle
from tests.typing_tests.definitions import Shop


def plain(shop: Shop) -> None:
    assert_type(shop.pay(3), str)
    assert_type(shop.pay.start(3), Handle[str])
    assert_type(shop.pay.options(id="p-1").start(3), Handle[str])
    assert_type(shop.bill(3), str)
    assert_type(shop.bill.map([3]), list[str])
    assert_type(shop.bill.submit(3).result(), str)
    assert_type(shop.pay_later.sync(3), str)
    assert_type(Shop.pay(shop, 3), str)
    assert_type(Shop.audit.start(2020), Handle[bool])


async def awaited(shop: Shop) -> None:
    assert_type(await shop.pay_later(3), str)
    assert_type(await shop.pay_later.start(3), AsyncHandle[str])
    assert_type(await shop.pay_later.options(id="p-1")(3), str)
    assert_type(await shop.bill_later(3), str)
    assert_type(await shop.pay.aio(3), str)
    assert_type(await shop.bill.aio(3), str)


async def static(shop: Shop) -> None:
    """Through the class for every type checker; on an instance mypy takes the first argument for self."""
    assert_type(Shop.audit(2020), bool)
    assert_type(await Shop.look_up("a"), float)
    assert_type(shop.audit(2020), bool)  # type: ignore[call-arg]
    assert_type(await shop.look_up("a"), float)  # type: ignore[call-arg]


def passed_on(shop: Shop) -> None:
    takes_workflow(shop.pay)
    takes_workflow(shop.pay.options(id="p-1"))
    takes_workflow(shop.pay_later.sync)
    takes_step(shop.bill)
    takes_async_workflow(shop.pay.aio)
    takes_async_step(shop.bill_later)


def takes_workflow(_: Workflow[[int], str]) -> None: ...


def takes_async_workflow(_: AsyncWorkflow[[int], str]) -> None: ...


def takes_step(_: Step[[int], str]) -> None: ...


def takes_async_step(_: AsyncStep[[int], str]) -> None: ...


def refused(shop: Shop) -> None:
    shop.pay("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shop.pay(shop, 3)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    Shop.pay(3)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    shop.bill.options(retry=1)("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shop.pay.start()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
