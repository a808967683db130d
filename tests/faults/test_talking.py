"""Messages between processes, and a receiver that is killed between the receipt and its checkpoint."""

import pytest

from stepwell import Client
from tests.faults.kit.places import Place
from tests.faults.kit.processes import Crew


@pytest.mark.parametrize("flow", ["def", "async"])
def test_killed_between_receipt_and_checkpoint(place: Place, crew: Crew, client: Client, flow: str) -> None:
    doomed = crew.serving("talking", role="doomed")
    doomed.ask("start", flow, "r", 2)
    client.send("r", 1, "t")
    doomed.expect("received")
    doomed.kill()
    heir = crew.serving("talking")
    client.send("r", 2, "t")
    assert client.handle("r").result(timeout=60) == [1, 2]
    assert place.run("r").attempts == 2
    assert [row.epoch for row in place.recorded()] == [place.run("r").epoch] * 2, "all by the heir"
    heir.leave()


@pytest.mark.parametrize("flow", ["def", "async"])
def test_sent_by_one_process_and_received_by_another(place: Place, crew: Crew, client: Client, flow: str) -> None:
    """Parked runs too: what a process sends wakes the runs of all."""
    one, two = crew.serving("talking", park_after=0.05), crew.serving("talking", park_after=0.05)
    one.ask("start", flow, "r", 50)
    for n in range(50):
        client.send("r", n, "t")
    assert client.handle("r").result(timeout=60) == list(range(50))
    one.leave()
    two.leave()
