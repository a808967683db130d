"""Workflows that SQL starts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import stepwell
from stepwell import step, workflow

ran: list[Any] = []


@dataclass
class Order:
    sku: str
    cents: int
    placed: datetime | None = None


@step
def note(what: str) -> str:
    ran.append(what)
    return what


@workflow(name="sql:checkout", aliases=("checkout",))
def checkout(order: Order, gift: bool = False) -> dict[str, object]:
    note(order.sku)
    return {"type": type(order).__name__, "sku": order.sku, "cents": order.cents, "gift": gift}


@workflow(name="sql:echo")
def echo(*args: object, **kwargs: object) -> dict[str, object]:
    return {"args": list(args), "kwargs": kwargs}


@workflow(name="sql:nothing")
def nothing() -> None:
    note("nothing")


@workflow(name="sql:fails")
def fails() -> None:
    raise ValueError("on purpose")


@workflow(name="sql:waits")
async def waits() -> str:
    try:
        await stepwell.aio.sleep(3600)
    finally:
        await note.aio("cleaned up")
    return "slept"


@workflow(name="sql:asks")
def asks() -> int:
    answer: int = stepwell.token(int).wait(timeout=3600)
    return answer


@dataclass
class Shipped:
    parcel: str
    weight: float


@workflow(name="sql:receives")
def receives() -> list[object]:
    shipped = stepwell.recv("shipped", type=Shipped)
    return [type(shipped).__name__, shipped.parcel, stepwell.recv(timeout=60)]


@workflow(name="sql:receives_async")
async def receives_async() -> list[object]:
    shipped = await stepwell.aio.recv("shipped", type=Shipped)
    return [type(shipped).__name__, shipped.parcel, await stepwell.aio.recv(timeout=60)]


class Shop:
    def __init__(self, name: str) -> None:
        self.name = name

    @workflow(name="sql:Shop.open")
    def open(self, hour: int) -> str:
        return f"{self.name} opens at {hour}"


@workflow(name="sql:versioned", version="2")
def versioned() -> str | None:
    return versioned.definition.version
