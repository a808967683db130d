"""What the pages show: read from the shop's tables, and for orders under way from their progress events."""

import asyncio
import time
from dataclasses import dataclass, field

import stepwell

from .checkout import STAGES, Stage
from .database import Connection, connected, run
from .stock import Status

#: Of the orders, the newest are shown.
SHOWN_ORDERS = 12

ORDERS = "select id, quantity, cents, status, reason, placed_at, pay_until from orders"


@dataclass
class OrderView:
    """An order as customers see it."""

    id: str
    quantity: int
    cents: int
    status: str
    reason: str
    placed_at: float
    pay_until: float
    stages: list[Stage] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Short enough to be said on the phone."""
        return "#" + self.id[-6:].upper()

    @property
    def percent(self) -> int:
        """Of the dispatch."""
        return 100 * len(self.stages) // len(STAGES)

    @property
    def stage(self) -> str:
        """The last one that is done."""
        return self.stages[-1].name if self.stages else "Paid"

    @property
    def is_open(self) -> bool:
        """Whether anything is still to happen."""
        return self.status in (Status.PLACED, Status.WAITING, Status.PAID)


@dataclass
class Books:
    """Goods and money: every widget that ever came in, and every cent that should be in the till, is somewhere."""

    name: str
    cents: int
    received: int
    stock: int
    reserved: int
    sold: int
    money: int
    orders: int

    @property
    def stock_agrees(self) -> bool:
        """On the shelf, reserved and sold are all that there was."""
        return self.stock + self.reserved + self.sold == self.received

    @property
    def money_agrees(self) -> bool:
        """What was taken is what the sold ones cost."""
        return self.money == self.sold * self.cents

    @property
    def agree(self) -> bool:
        """Both do."""
        return self.stock_agrees and self.money_agrees


async def read_shop() -> tuple[Books, list[OrderView]]:
    """The books, and the newest orders."""
    books, orders = await asyncio.to_thread(_read_shop)
    await asyncio.gather(*(_add_progress(order) for order in orders if order.status == Status.PAID))
    return books, orders


async def read_order(id: str) -> OrderView | None:
    """One order; None if it is not in the books (yet)."""
    order = await asyncio.to_thread(_read_order, id)
    if order is not None:
        await _add_progress(order)
    return order


def _read_shop() -> tuple[Books, list[OrderView]]:
    with connected() as conn:
        return read_books(conn), _orders(conn, f"{ORDERS} order by placed_at desc limit :most", most=SHOWN_ORDERS)


def _read_order(id: str) -> OrderView | None:
    with connected() as conn:
        found = _orders(conn, f"{ORDERS} where id = :id", id=id)
    return found[0] if found else None


def _orders(conn: Connection, statement: str, **values: object) -> list[OrderView]:
    return [OrderView(*row) for row in run(conn, statement, **values)]


def read_books(conn: Connection) -> Books:
    """In one statement, so that all of it is of one moment."""
    name, *numbers = run(
        conn,
        "select name, cents, received, stock,"
        " (select coalesce(sum(quantity), 0) from orders where status = :waiting),"
        " (select coalesce(sum(quantity), 0) from orders where status in (:paid, :delivered)),"
        " (select coalesce(sum(cents), 0) from payments),"
        " (select count(*) from orders)"
        " from products where sku = 'widget'",
        waiting=Status.WAITING,
        paid=Status.PAID,
        delivered=Status.DELIVERED,
    ).fetchone()
    return Books(name, *map(int, numbers))


async def _add_progress(order: OrderView) -> None:
    order.stages = await stepwell.aio.get_event(order.id, "progress", type=list[Stage], timeout=0, default=[])


def seconds_left(order: OrderView) -> int:
    """To pay; 0 when it is over."""
    return max(0, round(order.pay_until - time.time()))
