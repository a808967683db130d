"""Before the kill against the end: what was kept, what ran again, and what must not have happened.

A step that was recorded may never run again. A step that had begun and was not recorded may have had its effect and
runs again: at least once, then never again once recorded.
"""

from dataclasses import dataclass, field

from stepwell.cli.demo.evidence import STEPS, Evidence
from stepwell.model.words import counted

KEPT = "kept"  # recorded before the kill: must not have run again
AGAIN = "again"  # begun at the kill and not recorded: ran once more
AFTER = "after"  # not begun at the kill


@dataclass(frozen=True)
class OrderProof:
    """One order. `steps` has for every step one of KEPT, AGAIN, AFTER; `doubles` must be 0."""

    order: str
    status: str
    steps: dict[str, str] = field(default_factory=dict)
    doubles: int = 0
    missing: int = 0

    def count(self, what: str) -> int:
        """How many steps are KEPT, AGAIN or AFTER."""
        return sum(each == what for each in self.steps.values())


@dataclass(frozen=True)
class Proof:
    """All orders, and the money: what was charged once per key against what the orders cost."""

    orders: list[OrderProof]
    cents_due: int
    cents_charged: int
    problems: list[str]

    @property
    def holds(self) -> bool:
        """Whether everything that is claimed is so."""
        return not self.problems

    def count(self, what: str) -> int:
        """Over all orders."""
        return sum(order.count(what) for order in self.orders)


def prove(orders: dict[str, int], before: Evidence, after: Evidence) -> Proof:
    """`orders` are ids with what they cost, in cents."""
    keys: dict[str, list[str]] = {order: [] for order in orders}
    for key, (order, _) in sorted(after.places.items(), key=lambda item: STEPS.index(item[1][1])):
        keys.setdefault(order, []).append(key)
    rows = [_order(order, keys[order], before, after) for order in orders]
    charged = sum(after.cents.values())
    due = sum(orders.values())
    problems = _problems(rows, before, after)
    if charged != due:
        problems.append(f"the ledger has {charged} cents charged, the orders cost {due}")
    return Proof(rows, due, charged, problems)


def _order(order: str, keys: list[str], before: Evidence, after: Evidence) -> OrderProof:
    steps: dict[str, str] = {}
    doubles = 0
    for key in keys:
        name = after.places[key][1]
        done, earlier = after.done[key], before.done[key]
        kept = key in before.recorded
        doubles += max(0, done - 1 if kept else done - earlier - 1)
        if key in after.recorded and (kept or done > earlier):
            steps[name] = KEPT if kept else AGAIN if earlier else AFTER
    return OrderProof(order, after.statuses[order], steps, doubles, missing=len(set(STEPS) - set(steps)))


def _problems(rows: list[OrderProof], before: Evidence, after: Evidence) -> list[str]:
    found = [f"{row.order} is {row.status}" for row in rows if row.status != "SUCCESS"]
    found += [f"{row.order}: {counted(row.doubles, 'recorded step')} ran again" for row in rows if row.doubles]
    found += [f"{row.order}: {counted(row.missing, 'step is', 'steps are')} missing" for row in rows if row.missing]
    found += [
        f"{was.order}: what was recorded of {was.step} has changed"
        for key, was in before.recorded.items()
        if after.recorded.get(key) != was
    ]
    interrupted = sum(row.count(AGAIN) > 0 or 0 < row.count(KEPT) < len(STEPS) for row in rows)
    if not interrupted:
        found.append("the kill came at a moment when nothing was under way: it shows nothing")
    return found
