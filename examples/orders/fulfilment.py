"""An order is reserved, charged, packed, shipped: a workflow that survives its process.

    python fulfilment.py orders.json       # start a workflow for every order of the file; each only once
    stepwell worker fulfilment:engine      # execute them: kill it and start it again as you like
    stepwell workflow list                 # look

The database is $STEPWELL_DATABASE_URL, or stepwell.db here. The ledger is $ORDERS_LEDGER, or ledger.jsonl here.
"""

import json
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

import stepwell
from stepwell import Client, Settings, Stepwell, step, workflow

LEDGER = Path(os.environ.get("ORDERS_LEDGER", "ledger.jsonl"))
#: How long the world outside takes to answer: from, to, in seconds.
ANSWER_SECONDS = (0.1, 0.3)


@dataclass(frozen=True)
class Item:
    sku: str
    quantity: int
    cents: int


@dataclass(frozen=True)
class Address:
    street: str
    postcode: str
    city: str
    country: str


@dataclass(frozen=True)
class Order:
    id: str
    customer: str
    items: list[Item]
    address: Address

    @property
    def cents(self) -> int:
        return sum(item.quantity * item.cents for item in self.items)


@step(retry=3)
def reserve(order_id: str, items: list[Item]) -> str:
    """Put the items aside in the warehouse."""
    return outside(order_id, 0)


@step(retry=3)
def charge(order_id: str, cents: int) -> str:
    """Take the money: what must not happen twice."""
    return outside(order_id, cents)


@step(retry=3)
def pack(order_id: str, address: Address) -> str:
    """A parcel with a label."""
    return outside(order_id, 0)


@step(retry=3)
def ship(order_id: str, parcel: str) -> str:
    """Hand the parcel to the courier."""
    return outside(order_id, 0)


@workflow
def fulfil(order: Order) -> str:
    """Each step is recorded in the database before the next begins; after a crash it goes on from there."""
    reserve(order.id, order.items)
    charge(order.id, order.cents)
    parcel = pack(order.id, order.address)
    stepwell.sleep(0.2)  # until the courier comes: also recorded, not waited for twice
    return ship(order.id, parcel)


def outside(order_id: str, cents: int) -> str:
    """What a step does to the world: a line in a ledger that knows nothing of workflows, and an answer that takes time.

    The ledger writes every call down, on disk before it answers, so that whatever was done twice is there twice. A
    real bank would refuse a second call with the same idempotency key; this one only writes the key down.
    """
    here = stepwell.current()
    entry = {
        "key": here.idempotency_key,
        "order": order_id,
        "step": here.step,
        "cents": cents,
        "pid": os.getpid(),
    }
    with LEDGER.open("ab", buffering=0) as ledger:
        ledger.write(json.dumps(entry).encode() + b"\n")
        os.fsync(ledger.fileno())
    time.sleep(random.uniform(*ANSWER_SECONDS))
    return f"{here.step}-{here.idempotency_key[:8]}"


# A process is taken for dead after five seconds of silence; eight threads, so that orders are in every stage.
engine = Stepwell(settings=Settings(lease=5, sweep_interval=0.5, max_threads=8))


def main(file: str) -> None:
    """Start what is in the file. The order's id is the workflow's: starting one twice is the same as once."""
    orders = msgspec.json.decode(Path(file).read_bytes(), type=list[Order])
    with Client() as client:
        fulfil.options(engine=client).start_many(fulfil.options(id=order.id).bind(order) for order in orders)
    print(f"{len(orders)} orders are started")


if __name__ == "__main__":
    main(sys.argv[1])
