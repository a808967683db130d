"""The caller leaves the connection out; a function without one is reported where it is written. Nothing here is
executed."""

import asyncio
import sqlite3
from typing import Any, assert_type

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import psycopg
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from stepwell import AsyncTransaction, Django, Postgres, Transaction, transaction
from stepwell.model.retry import Retry


@transaction
def reserve(conn: "psycopg.Connection[tuple[Any, ...]]", sku: str, count: int = 1) -> bool:
    return bool(conn.execute("SELECT %s, %s", [sku, count]).fetchone())


@transaction
async def bill(conn: "psycopg.AsyncConnection[tuple[Any, ...]]", order_id: str) -> int:
    return len(order_id)


@transaction
async def pay(conn: asyncpg.Connection, order_id: str) -> int:
    return len(order_id)


@transaction(isolation="serializable", retry=Retry(3))
def book(session: Session, sku: str) -> str:
    return sku


@transaction(read_only=True)
def look(conn: sqlalchemy.Connection) -> list[int]:
    return []


@transaction(source=Postgres("postgresql://localhost/billing"))
async def book_async(session: AsyncSession, sku: str) -> str:
    return sku


@transaction
def note(conn: sqlite3.Connection, text: str) -> None: ...


@transaction
def untyped(conn: sqlite3.Connection, text: str) -> Any:
    return text


@transaction(source=Django("default"))
def order(sku: str) -> float:
    return 1.0


class Shop:
    @transaction
    def stock(self, conn: sqlite3.Connection, sku: str) -> int:
        return len(sku)

    @transaction(name="stock-later")
    async def stock_later(self, conn: "psycopg.AsyncConnection[tuple[Any, ...]]", sku: str) -> int:
        return len(sku)


def plain(shop: Shop) -> None:
    assert_type(reserve("anvil"), bool)
    assert_type(reserve("anvil", count=2), bool)
    assert_type(reserve.options(retry=3)("anvil"), bool)
    assert_type(bill.sync("o-1"), int)
    assert_type(book("anvil"), str)
    assert_type(look(), list[int])
    assert_type(untyped("x"), Any)
    assert_type(order("anvil"), float)
    assert_type(shop.stock("anvil"), int)
    assert_type(Shop.stock(shop, "anvil"), int)
    assert_type(shop.stock_later.sync("anvil"), int)
    note("x")


async def awaited(shop: Shop) -> None:
    assert_type(await bill("o-1"), int)
    assert_type(await pay("o-1"), int)
    assert_type(await book_async("anvil"), str)
    assert_type(await reserve.aio("anvil"), bool)
    assert_type(await shop.stock.aio("anvil"), int)
    assert_type(await shop.stock_later("anvil"), int)
    assert_type(await asyncio.gather(bill("o-1"), reserve.aio("anvil")), tuple[int, bool])


def views(plain: Transaction[[int], str], coroutine: AsyncTransaction[[int], str]) -> None:
    assert_type(plain.aio, AsyncTransaction[[int], str])
    assert_type(plain.sync, Transaction[[int], str])
    assert_type(coroutine.sync, Transaction[[int], str])


def refused(conn: sqlite3.Connection, shop: Shop) -> None:
    reserve(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    note(conn, "x")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    shop.stock(conn, "x")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    reserve.options(timeout=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    transaction(isolation="snapshot")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


def _forgotten(sku: str) -> None: ...


transaction(_forgotten)  # type: ignore[type-var, arg-type, unused-ignore]  # pyright: ignore[reportArgumentType, reportCallIssue]
