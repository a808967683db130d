"""The shop's tables are in the database of the workflows: so a `@transaction` commits rows and checkpoint at once.

$STEPWELL_DATABASE_URL says which; without it, the SQLite file widget_store.db here.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import psycopg

URL = os.environ.get("STEPWELL_DATABASE_URL") or "sqlite:///widget_store.db"
IS_SQLITE = URL.startswith("sqlite")

# The annotation of a transaction's connection says what it gets.
if TYPE_CHECKING:
    Connection = sqlite3.Connection
else:
    Connection = sqlite3.Connection if IS_SQLITE else psycopg.Connection

TABLES = (
    """create table if not exists products (
        sku text primary key,
        name text not null,
        cents integer not null,
        received integer not null,                      -- everything that ever came in
        stock integer not null check (stock >= 0)       -- on the shelf, neither reserved nor sold
    )""",
    """create table if not exists orders (
        id text primary key,
        sku text not null references products,
        quantity integer not null,
        cents integer not null,
        status text not null,                           -- stock.py, Status
        reason text not null default '',                -- why it was cancelled
        placed_at double precision not null,            -- unix seconds, as all times here
        pay_until double precision not null
    )""",
    # No constraint against a second payment of an order, on purpose: what is taken twice shall be seen twice.
    """create table if not exists payments (
        order_id text not null references orders,
        payment text not null,
        cents integer not null                          -- negative: a refund
    )""",
    "create index if not exists orders_by_time on orders (placed_at)",
    "create index if not exists payments_by_order on payments (order_id)",
)
WIDGET = {"sku": "widget", "name": "The Widget", "cents": 2490, "quantity": 100}


def run(conn: Connection, statement: str, **values: object) -> Any:
    """A statement with :named values, on either driver. Returns the cursor."""
    if not IS_SQLITE:
        statement = re.sub(r":(\w+)", r"%(\1)s", statement)
    return conn.execute(statement, values)


@contextmanager
def connected() -> Iterator[Connection]:
    """A connection for what is no workflow: pages that only look. Commits in the end."""
    # One per look is enough for a shop of this size; a bigger one has a pool.
    conn: Any = sqlite3.connect(_file(), timeout=10) if IS_SQLITE else psycopg.connect(URL)
    try:
        yield conn
        conn.commit()
    finally:
        conn.close()


def create_tables() -> None:
    """What is missing of them, and the one thing that is sold."""
    with connected() as conn:
        for table in TABLES:
            run(conn, table)
        run(
            conn,
            "insert into products (sku, name, cents, received, stock)"
            " values (:sku, :name, :cents, :quantity, :quantity) on conflict (sku) do nothing",
            **WIDGET,
        )


def _file() -> str:
    return unquote(urlsplit(URL).path.removeprefix("/"))
