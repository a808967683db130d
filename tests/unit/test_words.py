"""Numbers with their nouns, and faults with their codes."""

import pytest

from stepwell.model.words import counted
from stepwell.store.faults import FaultKind, StoreFault


@pytest.mark.parametrize(("number", "told"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs")])
def test_a_number_with_its_noun(number: int, told: str) -> None:
    assert counted(number, "run") == told


def test_other_plurals() -> None:
    assert [counted(number, "process", "processes") for number in (1, 2)] == ["1 process", "2 processes"]


def test_a_fault_tells_its_code_only_if_it_has_one() -> None:
    assert StoreFault(FaultKind.CONNECTION, "the server is gone").told == "the server is gone"
    assert StoreFault(FaultKind.CONTENTION, "deadlock", code="40P01").told == "40P01: deadlock"
