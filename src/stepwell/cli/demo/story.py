"""The story: start the orders, execute, kill, execute, prove."""

import time
from typing import Any

from stepwell.cli.demo.evidence import Evidence, gather
from stepwell.cli.demo.proof import AFTER, AGAIN, KEPT, Proof, prove
from stepwell.cli.demo.screen import Screen
from stepwell.cli.demo.stage import Stage, Worker
from stepwell.cli.exits import Failure
from stepwell.client import Client
from stepwell.model.settings import Settings
from stepwell.model.status import Status

#: The kill comes when this part of the orders is finished.
KILL_AT = 0.3
LOOK_SECONDS = 0.1
EXPLAIN_SECONDS = 0.5
#: Far more than either half takes: when they are over, something is wrong.
PATIENCE_SECONDS = 60.0


def play(stage: Stage, costs: dict[str, int], screen: Screen) -> dict[str, Any]:
    """Start, work, kill, work, prove. Returns the document for --json."""
    screen.command("python fulfilment.py orders.json", "")
    screen.say(f"     {stage.start_orders()}: one row each in the database, nothing else")
    with Client(stage.url, settings=Settings(migrate=False)) as client:
        first = stage.start_worker()
        screen.command("stepwell worker fulfilment:engine", f"process {first.pid} executes them, eight at a time")
        if not work_until(client, first, len(costs), int(len(costs) * KILL_AT), screen):
            raise Failure(f"too few orders were finished within {PATIENCE_SECONDS:g} s to kill the worker")
        first.kill()
        at_kill = settled(client, stage, costs)
        screen.command(f"kill -9 {first.pid}", at_kill_in_words(at_kill))
        screen.under_way(at_kill)
        second = stage.start_worker()
        screen.command(
            "stepwell worker fulfilment:engine",
            f"process {second.pid} takes over; nobody tells it what the first one did",
        )
        work_until(client, second, len(costs), len(costs), screen, explain=under_way(at_kill))
        screen.say(f"     its log: {second.said('took') or ''}", "dim")
        at_end = settled(client, stage, costs)
    second.stop()
    proof = prove(costs, at_kill, at_end)
    conclude(screen, proof, at_end)
    return as_document(proof, first, second, at_kill, at_end)


def work_until(
    client: Client, worker: Worker, total: int, enough: int, screen: Screen, explain: str | None = None
) -> bool:
    """Watch until enough orders are finished; False if that takes too long. Raises Failure if the worker ends.

    `explain`: an order whose state is told in words meanwhile.
    """
    limit = time.monotonic() + PATIENCE_SECONDS
    explained_at = 0.0
    note = ""
    with screen.meter(total) as meter:
        while True:
            finished = client.count(status=Status.SUCCESS)
            if explain is not None and time.monotonic() > explained_at + EXPLAIN_SECONDS:
                note, explained_at = f"{explain} {short(client.explain(explain))}", time.monotonic()
            meter.show(finished, note)
            if finished >= enough:
                return True
            worker.require_alive()
            if time.monotonic() > limit:
                return False
            time.sleep(LOOK_SECONDS)


def settled(client: Client, stage: Stage, costs: dict[str, int]) -> Evidence:
    """The evidence when it does not change any more: a server may still commit what a killed process sent last."""
    last = gather(client, list(costs), stage.ledger)
    while True:
        time.sleep(LOOK_SECONDS)
        now = gather(client, list(costs), stage.ledger)
        if now == last:
            return now
        last = now


def under_way(evidence: Evidence) -> str | None:
    """One of the orders in the hands of a process."""
    return min((order for order, status in evidence.statuses.items() if status == Status.PENDING), default=None)


def at_kill_in_words(evidence: Evidence) -> str:
    """How far the first process came."""
    statuses = list(evidence.statuses.values())
    return (
        f"gone: {statuses.count(Status.SUCCESS)} orders finished, {statuses.count(Status.PENDING)} in its hands, "
        f"{statuses.count(Status.ENQUEUED)} not begun; {len(evidence.recorded)} steps are recorded, "
        f"{len(set(evidence.done) - set(evidence.recorded))} more had begun. What was in its hands:"
    )


def short(explanation: str) -> str:
    """Without numbers that change all the time, so that a new line means news."""
    status, _, rest = explanation.partition(":")
    for words, told in (
        (
            "lease ended",
            ": its process is silent, its lease is over; taken over after a full lease of silence",
        ),
        ("executing in", " in a process"),
        ("starts when", ": taken over, it starts when there is a free slot"),
        ("has ended", ""),
    ):
        if words in rest or words in status:
            return status.partition(" since")[0] + told
    return explanation.rstrip(".")


def conclude(screen: Screen, proof: Proof, at_end: Evidence) -> None:
    """The table, and what it says."""
    screen.say()
    screen.proof(proof)
    for problem in proof.problems:
        screen.say(f"  {problem}", "bold red")
    if not proof.holds:
        screen.say("The proof does not hold.", "bold red")
        return
    charges = [key for key, (_, step) in at_end.places.items() if step == "charge"]
    screen.say(
        f"\n{sum(at_end.done.values())} lines in the ledger for {len(at_end.recorded)} recorded steps: the"
        f" {proof.count(AGAIN)} that had begun and were not recorded ran again, with the same idempotency key. None ran"
        " again after it was recorded."
    )
    screen.say(
        f"Charges: {sum(at_end.done[key] for key in charges)} lines, {len(charges)} keys. Each key once:"
        f" {proof.cents_charged / 100:,.2f} of {proof.cents_due / 100:,.2f}."
    )
    screen.say("Every order finished, nothing recorded ran twice.", "bold green")


def as_document(proof: Proof, first: Worker, second: Worker, at_kill: Evidence, at_end: Evidence) -> dict[str, Any]:
    """For --json."""
    return {
        "holds": proof.holds,
        "problems": proof.problems,
        "killed_pid": first.pid,
        "second_pid": second.pid,
        "recorded_at_kill": len(at_kill.recorded),
        "begun_at_kill": len(set(at_kill.done) - set(at_kill.recorded)),
        "recorded": len(at_end.recorded),
        "ledger_lines": sum(at_end.done.values()),
        "ran_again": proof.count(AGAIN),
        "doubles": sum(row.doubles for row in proof.orders),
        "cents_due": proof.cents_due,
        "cents_charged": proof.cents_charged,
        "orders": [
            {
                "order": row.order,
                "status": row.status,
                "steps": row.steps,
                "recorded_before": row.count(KEPT),
                "ran_again": row.count(AGAIN),
                "ran_after": row.count(AFTER),
                "doubles": row.doubles,
            }
            for row in proof.orders
        ],
    }
