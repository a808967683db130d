"""One order, from the click to the delivery. It reads as if nothing could ever fail."""

import os
import time
from dataclasses import dataclass

from stepwell import Cancelled, current, now, recv, set_event, sleep, step, workflow

from .stock import cancel_order, close_order, create_order, put_on_shelf, reserve, take_payment

#: How long a customer may take to pay, and how long each stage of the dispatch takes, seconds.
PAYMENT_SECONDS = float(os.environ.get("STORE_PAYMENT_SECONDS", "60"))
STAGE_SECONDS = float(os.environ.get("STORE_STAGE_SECONDS", "2"))

STAGES = ("Picked", "Packed", "Labelled", "With the courier", "At your door")
SOLD_OUT, REFUSED, LATE, STOPPED = "sold out", "payment refused", "not paid in time", "stopped by the shop"


@dataclass(frozen=True)
class Payment:
    """What the payment page sends. `id` is its key as a message: sent twice, it is received once."""

    id: str
    accepted: bool


@dataclass(frozen=True)
class Stage:
    """One stage of the dispatch, and the process that did it."""

    name: str
    pid: int
    at: float


@workflow
def checkout(sku: str, quantity: int) -> str:
    """Returns what became of the order. Its id is the workflow's, from the form: a second click is the same."""
    order = current().id
    try:
        placed_at = now().timestamp()
        create_order(order, sku, quantity, placed_at, placed_at + PAYMENT_SECONDS)
        if not reserve(order):
            return cancel(order, SOLD_OUT)
        payment = recv("payment", type=Payment, timeout=PAYMENT_SECONDS, default=None)
        if payment is None:
            return cancel(order, LATE)
        if not payment.accepted:
            return cancel(order, REFUSED)
        take_payment(order, payment.id)
        dispatch(order)
    except Cancelled:  # `stepwell workflow cancel ID`
        cancel(order, STOPPED)
        raise
    return "delivered"


def dispatch(order: str) -> None:
    """Stage after stage; pages read the event."""
    done: list[Stage] = []
    for name in STAGES:
        sleep(STAGE_SECONDS)  # counted by the database's clock; a restart does not begin it again
        done.append(handle_parcel(order, name))
        set_event("progress", done)
    close_order(order)


@step(retry=3)
def handle_parcel(order: str, stage: str) -> Stage:
    """Where a real shop calls its warehouse, with `current().idempotency_key`."""
    return Stage(stage, os.getpid(), time.time())


def cancel(order: str, reason: str) -> str:
    """Undo, and say why."""
    cancel_order(order, reason)
    return reason


@workflow
def restock(sku: str, quantity: int) -> None:
    """New goods have come."""
    put_on_shelf(sku, quantity)
