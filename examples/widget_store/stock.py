"""Orders, stock and money. A `@transaction` commits together with its checkpoint: its writes are there exactly once."""

from enum import StrEnum

from stepwell import transaction

from .database import Connection, run


class Status(StrEnum):
    """Of an order."""

    PLACED = "placed"  # nothing is reserved yet
    WAITING = "waiting"  # reserved; the customer has to pay
    PAID = "paid"  # on its way
    DELIVERED = "delivered"
    CANCELLED = "cancelled"  # what was reserved is on the shelf again, what was paid is paid back


@transaction
def create_order(conn: Connection, order: str, sku: str, quantity: int, placed_at: float, pay_until: float) -> None:
    """A row for the order, at today's price."""
    run(
        conn,
        "insert into orders (id, sku, quantity, cents, status, placed_at, pay_until)"
        " select :order, sku, :quantity, cents * :quantity, :placed, :placed_at, :pay_until from products"
        " where sku = :sku",
        order=order,
        sku=sku,
        quantity=quantity,
        placed=Status.PLACED,
        placed_at=placed_at,
        pay_until=pay_until,
    )


@transaction
def reserve(conn: Connection, order: str) -> bool:
    """Take the goods off the shelf; False if there are too few."""
    sku, quantity = run(conn, "select sku, quantity from orders where id = :order", order=order).fetchone()
    taken = run(
        conn,
        "update products set stock = stock - :quantity where sku = :sku and stock >= :quantity",
        sku=sku,
        quantity=quantity,
    )
    if taken.rowcount == 0:
        return False
    _set_status(conn, order, Status.WAITING)
    return True


@transaction
def take_payment(conn: Connection, order: str, payment: str) -> None:
    """Here the money moves: once, whatever happens to processes and messages."""
    run(
        conn,
        "insert into payments (order_id, payment, cents) select id, :payment, cents from orders where id = :order",
        order=order,
        payment=payment,
    )
    _set_status(conn, order, Status.PAID)


@transaction
def close_order(conn: Connection, order: str) -> None:
    """It is delivered."""
    _set_status(conn, order, Status.DELIVERED)


@transaction
def cancel_order(conn: Connection, order: str, reason: str) -> None:
    """Put back what was reserved, pay back what was paid."""
    row = run(conn, "select sku, quantity, status from orders where id = :order", order=order).fetchone()
    if row is None:
        return  # cancelled before it was written down
    sku, quantity, status = row
    if status in (Status.WAITING, Status.PAID):
        run(conn, "update products set stock = stock + :quantity where sku = :sku", sku=sku, quantity=quantity)
    if status == Status.PAID:
        run(
            conn,
            "insert into payments (order_id, payment, cents)"
            " select order_id, 'refund', -sum(cents) from payments where order_id = :order group by order_id",
            order=order,
        )
    run(
        conn,
        "update orders set status = :cancelled, reason = :reason where id = :order",
        order=order,
        cancelled=Status.CANCELLED,
        reason=reason,
    )


@transaction
def put_on_shelf(conn: Connection, sku: str, quantity: int) -> None:
    """New goods."""
    run(
        conn,
        "update products set stock = stock + :quantity, received = received + :quantity where sku = :sku",
        sku=sku,
        quantity=quantity,
    )


def _set_status(conn: Connection, order: str, status: Status) -> None:
    run(conn, "update orders set status = :status where id = :order", order=order, status=status)
