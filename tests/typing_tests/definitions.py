"""What the other files of this directory check: one definition of every kind. Nothing here is executed."""

from typing import Any

from stepwell.decorators import step, workflow
from stepwell.model.retry import Retry


@workflow
def checkout(order_id: str, cents: int = 0) -> str:
    return f"{order_id} {cents}"


@workflow(version="2", timeout=60, aliases=["shop:older"])
def refund(order_id: str, *, full: bool) -> int:
    return len(order_id) if full else 0


@workflow
async def digest(urls: list[str]) -> list[str]:
    return urls


@workflow(name="nightly")
async def nightly() -> None: ...


@workflow
def untyped(value: int) -> Any:
    return value


@step
def charge(order_id: str, cents: int = 0) -> str:
    return f"{order_id} {cents}"


@step(retry=Retry(3, never=KeyError), timeout=5)
async def fetch(url: str) -> bytes:
    return url.encode()


@step
async def count(of: str) -> int:
    return len(of)


@step
def any_step(value: int) -> Any:
    return value


class Shop:
    @workflow
    def pay(self, cents: int) -> str:
        return self.bill(cents)

    @workflow(timeout=5)
    async def pay_later(self, cents: int) -> str:
        return await self.bill_later(cents)

    @step
    def bill(self, cents: int) -> str:
        return str(cents)

    @step(retry=2)
    async def bill_later(self, cents: int) -> str:
        return str(cents)

    @staticmethod
    @workflow
    def audit(year: int) -> bool:
        return year > 2000

    @staticmethod
    @step
    async def look_up(name: str) -> float:
        return float(len(name))
