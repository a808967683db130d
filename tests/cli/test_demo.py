"""`stepwell demo` as users see it, and that its proof can fail."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stepwell.cli.demo.command import read_orders
from stepwell.cli.demo.evidence import STEPS, Evidence, Recorded
from stepwell.cli.demo.proof import AFTER, AGAIN, KEPT, prove
from stepwell.cli.demo.stage import example_directory
from tests.cli.kit import Program, invoke


def test_on_sqlite_line_by_line(program: Program, tmp_path: Path) -> None:
    program.environment["TMPDIR"] = str(tmp_path)
    shown = program("demo").stdout
    lines = shown.splitlines()
    assert "Every order finished, nothing recorded ran twice." in lines
    commands = [line.split("$ ")[1].split()[0] for line in lines if "$ " in line]
    assert commands == ["python", "stepwell", "kill", "stepwell"]
    rows = [line.split() for line in lines if line.strip().startswith("order-") and "SUCCESS" in line]
    assert len(rows) == len(read_orders(example_directory() / "orders.json"))
    assert {row[-1] for row in rows} == {"0"}
    assert "\x1b" not in shown
    assert not list(tmp_path.glob("stepwell-demo-*"))


def test_on_postgres_in_json(program: Program, tmp_path: Path) -> None:
    program.environment["TMPDIR"] = str(tmp_path)
    done = program("demo", "--database", "postgres", "--json", "--keep")
    document = json.loads(done.stdout)
    assert document["holds"] is True
    assert document["problems"] == []
    assert document["doubles"] == 0
    assert {order["status"] for order in document["orders"]} == {"SUCCESS"}
    assert document["recorded"] == len(STEPS) * len(document["orders"])
    assert 0 < document["recorded_at_kill"] < document["recorded"]
    assert document["ledger_lines"] == document["recorded"] + document["ran_again"]
    assert document["cents_charged"] == document["cents_due"]
    assert document["seconds"] < 60
    # What it says is what the ledger says.
    (directory,) = tmp_path.glob("stepwell-demo-*")
    ledger = [json.loads(line) for line in (directory / "ledger.jsonl").read_text().splitlines()]
    assert len(ledger) == document["ledger_lines"]
    assert {entry["pid"] for entry in ledger} == {document["killed_pid"], document["second_pid"]}
    for pid in (document["killed_pid"], document["second_pid"]):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_too_few_orders_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    file.write_text('[{"id": "o-1", "items": []}]')
    assert "at least 20 are needed" in invoke("demo", "--orders", str(file), code=2).stderr
    file.write_text('[{"id": "o-1"}]')
    assert "is no file of orders" in invoke("demo", "--orders", str(file), code=2).stderr


# -- the proof -----------------------------------------------------------------------------------------------


def test_it_holds_for_what_the_engine_promises() -> None:
    before, after = scene()
    proof = prove({"a": 5, "b": 7}, before, after)
    assert proof.holds
    assert [order.steps for order in proof.orders] == [
        {"reserve": KEPT, "charge": AGAIN, "pack": AFTER, "ship": AFTER},
        dict.fromkeys(STEPS, AFTER),
    ]
    assert (proof.cents_charged, proof.cents_due) == (12, 12)


def test_a_recorded_step_that_ran_again_is_a_double() -> None:
    before, after = scene()
    after.done["a-reserve"] += 1
    assert problems(before, after) == ["a: 1 recorded step ran again"]


def test_a_step_that_ran_again_and_again_is_a_double() -> None:
    before, after = scene()
    after.done["a-charge"] += 1
    assert problems(before, after) == ["a: 1 recorded step ran again"]


def test_a_step_of_the_second_process_that_ran_twice_is_a_double() -> None:
    before, after = scene()
    after.done["b-ship"] += 1
    assert problems(before, after) == ["b: 1 recorded step ran again"]


def test_a_record_that_changed_is_a_problem() -> None:
    before, after = scene()
    after.recorded["a-reserve"] = Recorded("a", "reserve", '"another"', "later")
    assert problems(before, after) == ["a: what was recorded of reserve has changed"]


def test_a_record_without_its_effect_is_a_problem() -> None:
    before, after = scene()
    del after.done["b-pack"]
    assert problems(before, after) == ["b: 1 step is missing"]


def test_an_effect_without_its_record_is_a_problem() -> None:
    before, after = scene()
    del after.recorded["b-pack"]
    assert problems(before, after) == ["b: 1 step is missing"]


def test_an_order_that_did_not_end_is_a_problem() -> None:
    before, after = scene()
    after.statuses["b"] = "PENDING"
    assert problems(before, after) == ["b is PENDING"]


def test_money_that_does_not_add_up_is_a_problem() -> None:
    before, after = scene()
    after.cents["a-charge"] = 6
    assert problems(before, after) == ["the ledger has 13 cents charged, the orders cost 12"]


def test_a_kill_that_interrupted_nothing_proves_nothing() -> None:
    _, after = scene()
    after.done["a-charge"] = 1
    assert problems(after, after) == ["the kill came at a moment when nothing was under way: it shows nothing"]


def problems(before: Evidence, after: Evidence) -> list[str]:
    return prove({"a": 5, "b": 7}, before, after).problems


def scene() -> tuple[Evidence, Evidence]:
    """Killed while order a was charged and order b had not begun."""
    before = evidence({"a": "PENDING", "b": "ENQUEUED"}, recorded=["a-reserve"], done=["a-reserve", "a-charge"])
    keys = [f"{order}-{step}" for order in "ab" for step in STEPS]
    after = evidence({"a": "SUCCESS", "b": "SUCCESS"}, recorded=keys, done=[*keys, "a-charge"])
    return before, after


def evidence(statuses: dict[str, str], recorded: list[str], done: list[str]) -> Evidence:
    def place(key: str) -> tuple[str, str]:
        order, _, step = key.partition("-")
        return order, step

    cents: dict[str, Any] = {key: {"a": 5, "b": 7}[key[0]] if "charge" in key else 0 for key in done}
    return Evidence(
        statuses,
        {key: Recorded(*place(key), '"x"', "then") for key in recorded},
        Counter(done),
        {key: place(key) for key in [*recorded, *done]},
        cents,
    )
