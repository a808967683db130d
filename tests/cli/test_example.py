"""examples/orders as a user runs it by hand."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.kit import ROOT, Program

EXAMPLE = ROOT / "examples" / "orders"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the example."""
    directory = tmp_path / "orders"
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


def test_starting_the_orders_twice_starts_them_once(directory: Path, sqlite: str) -> None:
    program = Program(sqlite, directory)
    orders = json.loads((directory / "orders.json").read_text())
    assert len({order["id"] for order in orders}) == len(orders) >= 30
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "fulfilment.py", "orders.json"],
            cwd=directory,
            env=program.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, f"{len(orders)} orders are started\n"), done.stderr
    assert program("workflow", "list", "--count", "--status", "ENQUEUED").stdout == f"{len(orders)}\n"
    assert program("run", "fulfilment:fulfil", json.dumps(orders[0]), "--id", orders[0]["id"]).stdout.startswith(
        "ship-"
    )
    ledger = [json.loads(line) for line in (directory / "ledger.jsonl").read_text().splitlines()]
    first = [entry for entry in ledger if entry["order"] == orders[0]["id"]]
    assert [entry["step"] for entry in first] == ["reserve", "charge", "pack", "ship"]
    assert sum(entry["cents"] for entry in first) == sum(
        item["quantity"] * item["cents"] for item in orders[0]["items"]
    )
