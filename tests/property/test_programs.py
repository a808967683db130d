"""Whatever a workflow does, and wherever its process dies: it comes to the same end, by the same steps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.testing import Trouble, crash_everywhere, simulate
from tests.property.programs import PROGRAMS, TIMED, Program, carry_out


@given(program=PROGRAMS, seed=st.integers(0, 1000))
@settings(max_examples=25)
def test_crashes(program: Program, seed: int) -> None:
    crash_everywhere(carry_out.bind(program), every=5, twice=2, seed=seed)


@given(program=TIMED, seed=st.integers(0, 1000))
@settings(max_examples=15)
def test_crashes_within_time_limits(program: Program, seed: int) -> None:
    crash_everywhere(carry_out.bind(program), every=6, twice=1, seed=seed, same_steps=False)


@given(programs=st.lists(TIMED, min_size=5, max_size=10), seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_trouble(programs: list[Program], seed: int) -> None:
    simulate(
        [carry_out.bind(program) for program in programs], seeds=[seed], trouble=Trouble(duration=45, deaths_every=8)
    )


@pytest.mark.slow
@given(program=PROGRAMS, seed=st.integers(0, 10_000))
@settings(max_examples=60)
def test_many_crashes(program: Program, seed: int) -> None:
    crash_everywhere(carry_out.bind(program), every=2, twice=5, seed=seed)


@pytest.mark.slow
@given(programs=st.lists(TIMED, min_size=5, max_size=20), seed=st.integers(0, 10_000))
@settings(max_examples=100)
def test_much_trouble(programs: list[Program], seed: int) -> None:
    simulate([carry_out.bind(program) for program in programs], seeds=[seed], trouble=Trouble(deaths_every=8))
