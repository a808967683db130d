"""What is known at one moment: what the database recorded, and what the ledger outside says was done."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid5

import msgspec

from stepwell.client import Client

#: Steps of the example whose bodies write to the ledger, in their order.
STEPS = ("reserve", "charge", "pack", "ship")


@dataclass(frozen=True)
class Recorded:
    """One recorded step. `completed_at` and `output` must never change again."""

    order: str
    step: str
    output: str | None
    completed_at: str


@dataclass(frozen=True)
class Evidence:
    """`recorded` and `done` have the same keys: the steps' idempotency keys, which the ledger wrote down too.

    `done` counts how often a step's body went out into the world; `places` says which step of which order a key is;
    `cents` is the money that was charged under a key: a bank that knows its keys takes it once.
    """

    statuses: dict[str, str]
    recorded: dict[str, Recorded]
    done: Counter[str]
    places: dict[str, tuple[str, str]]
    cents: dict[str, int]


def gather(client: Client, orders: list[str], ledger: Path) -> Evidence:
    """Read the history of every order, then the ledger."""
    statuses: dict[str, str] = {}
    recorded: dict[str, Recorded] = {}
    places: dict[str, tuple[str, str]] = {}
    for order in orders:
        handle = client.handle(order)
        statuses[order] = handle.status().status
        for step in handle.steps():
            if step.kind == "step" and step.ended == "ok":
                # As `stepwell.current().idempotency_key` is made, from what the database says.
                key = str(uuid5(handle.run_id, step.id))
                recorded[key] = Recorded(order, step.name, step.output, str(step.completed_at))
                places[key] = (order, step.name)
    done: Counter[str] = Counter()
    cents: dict[str, int] = {}
    for entry in _entries(ledger):
        done[entry.key] += 1
        cents[entry.key] = entry.cents
        places[entry.key] = (entry.order, entry.step)
    return Evidence(statuses, recorded, done, places, cents)


class _Entry(msgspec.Struct):
    key: str
    order: str
    step: str
    cents: int


def _entries(ledger: Path) -> list[_Entry]:
    if not ledger.exists():
        return []
    # A process that was killed while it wrote may have left half a line.
    lines = ledger.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=_Entry) for line in lines if line]
