"""How much of everything: chosen so that the default run ends in about an hour on two cores."""

from dataclasses import dataclass

#: Recovery and sleepers are quoted for this many; a system that is measured with fewer is scaled linearly.
QUOTED_RUNS = 10_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts are of steps or runs, durations in seconds."""

    rounds: int = 5
    latency_steps: int = 300
    one_step_runs: int = 200
    flood_window: float = 3.0
    stepwell_recovered: int = QUOTED_RUNS
    dbos_recovered: int = 500
    stepwell_sleepers: int = QUOTED_RUNS
    dbos_sleepers: int = 1_000
    long_chain: int = 10_000
    finished_runs: int = 1_000_000
    single_messages: int = 100
    stepwell_messages: int = 5_000
    dbos_messages: int = 500
    stepwell_woken: int = 1_000
    dbos_woken: int = 200
    list_calls: int = 30
    enqueued_singly: int = 300
    stepwell_enqueued: int = 5_000
    dbos_enqueued: int = 1_000
    waiting_runs: int = 100_000
    child_timeout: float = 150.0


DEFAULT = Sizes()
QUICK = Sizes(
    rounds=2,
    latency_steps=150,
    one_step_runs=100,
    flood_window=1.5,
    stepwell_recovered=3_000,
    dbos_recovered=150,
    long_chain=1_000,
    finished_runs=100_000,
    single_messages=50,
    stepwell_messages=2_000,
    dbos_messages=200,
    list_calls=10,
    enqueued_singly=100,
    stepwell_enqueued=2_000,
    dbos_enqueued=300,
    waiting_runs=20_000,
    child_timeout=90.0,
)
