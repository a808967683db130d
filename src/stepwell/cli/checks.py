"""What `stepwell doctor` looks at. Each check is a function from facts to findings; gathering facts changes nothing."""

import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stepwell.cli.ask import with_store
from stepwell.cli.exits import failure_of
from stepwell.cli.options import Target
from stepwell.cli.output import duration
from stepwell.model.looking import ExecutorRow, RunFilter
from stepwell.model.status import Status
from stepwell.store.api import MigrationState, Store
from stepwell.store.faults import StoreFault

#: Every recorded step waits about one round trip.
SLOW_ROUND_TRIP_SECONDS = 0.010
#: Timers follow the database's clock; logs and deadlines that users compute follow this machine's.
CLOCK_SKEW_SECONDS = 1.0
LITTLE_SPACE_BYTES = 500 * 2**20
OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `status` is ok, warn or fail; `fix` says what to do."""

    check: str
    status: str
    message: str
    fix: str = ""


@dataclass(slots=True)
class Facts:
    """What the database answered. Without tables only migrations and warnings are known."""

    round_trip: float = 0.0  # seconds, the fastest of a few
    skew: float | None = None  # seconds that the database's clock is ahead of this machine's
    migrations: list[MigrationState] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    executors: list[ExecutorRow] = field(default_factory=list)
    stuck: dict[str, int] = field(default_factory=dict)

    @property
    def has_tables(self) -> bool:
        """Whether there is anything to look into."""
        return any(state.applied_at is not None for state in self.migrations)


def examine(target: Target) -> list[Finding]:
    """All findings, in the order in which they are worth reading."""
    findings = [*_this_machine(), *_space(target)]
    try:
        facts = with_store(target, _gather)
    except StoreFault as fault:
        failure = failure_of(fault)
        assert failure is not None
        return [*findings, Finding("database", FAIL, f"{target.shown}: {failure.message}", failure.hint)]
    return [*findings, *judge(target, facts)]


def judge(target: Target, facts: Facts) -> list[Finding]:
    """What to think of the facts."""
    checks = (_database, _migrations, _settings, _clock, _processes, _stuck)
    return [finding for check in checks for finding in check(target, facts)]


async def _gather(store: Store) -> Facts:
    facts = Facts(migrations=await store.migrations())
    if not facts.has_tables:
        return facts
    facts.warnings = await store.warnings()
    fastest = float("inf")
    for _ in range(5):
        sent = time.perf_counter()
        facts.executors = await store.executors()
        fastest = min(fastest, time.perf_counter() - sent)
    facts.round_trip = fastest
    sent_at = time.time()
    now = await store.now()
    facts.skew = now - (sent_at + time.time()) / 2
    for status in (Status.BLOCKED, Status.DEAD):
        facts.stuck[status] = await store.count_runs(RunFilter(status=(status,)))
    return facts


def _this_machine() -> Iterator[Finding]:
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
    yield Finding("python", OK, f"{platform.python_implementation()} {platform.python_version()}, {cpus} CPUs")
    if cpus > 1 and not free_threaded:
        yield Finding(
            "cpu",
            OK,
            f"Python code of one process uses one of the {cpus} CPUs; threads take turns every"
            f" {duration(sys.getswitchinterval())}",
            "For steps that compute: `stepwell worker --processes N`, or sys.setswitchinterval(0.0005) in your module.",
        )


def _database(target: Target, facts: Facts) -> Iterator[Finding]:
    if not facts.has_tables:
        yield Finding("database", OK, f"{target.shown} can be reached")
    elif facts.round_trip > SLOW_ROUND_TRIP_SECONDS:
        yield Finding(
            "database",
            WARN,
            f"{target.shown} answers in {duration(facts.round_trip)}: every recorded step waits about that long",
            "Run the workers close to the database.",
        )
    else:
        yield Finding("database", OK, f"{target.shown} answers in {facts.round_trip * 1e3:.2f} ms")


def _migrations(target: Target, facts: Facts) -> Iterator[Finding]:
    pending = [state.name for state in facts.migrations if state.applied_at is None]
    if not pending:
        yield Finding("migrations", OK, f"all applied ({len(facts.migrations)})")
    elif facts.has_tables:
        yield Finding("migrations", WARN, f"missing: {', '.join(pending)}", "`stepwell db migrate` applies them.")
    else:
        yield Finding(
            "migrations",
            WARN,
            "there are no tables yet",
            "An engine makes them when it is launched (Settings.migrate); so does `stepwell db migrate`.",
        )


def _settings(target: Target, facts: Facts) -> Iterator[Finding]:
    if not facts.has_tables:
        return
    for warning in facts.warnings:
        yield Finding("settings", WARN, warning)
    if not facts.warnings:
        yield Finding("settings", OK, "what is committed is kept")


def _clock(target: Target, facts: Facts) -> Iterator[Finding]:
    if facts.skew is None:
        return
    apart = abs(facts.skew)
    if apart > CLOCK_SKEW_SECONDS:
        ahead = "ahead of" if facts.skew > 0 else "behind"
        yield Finding(
            "clock",
            WARN,
            f"the database's clock is {duration(apart)} {ahead} this machine's",
            "Workflows follow the database's clock and are right; this machine's logs are not. Synchronise it (NTP).",
        )
    else:
        yield Finding("clock", OK, f"{duration(apart)} apart from the database's")


def _space(target: Target) -> Iterator[Finding]:
    if not target.url.startswith("sqlite"):
        return
    path = Path(target.url.partition(":///")[2].partition("?")[0])
    folder = path.absolute().parent
    if not folder.is_dir():
        yield Finding("space", FAIL, f"there is no directory {folder}", "Make it, or give another --database.")
        return
    free = shutil.disk_usage(folder).free
    if free < LITTLE_SPACE_BYTES:
        yield Finding("space", WARN, f"{free // 2**20} MiB are left for {path.name}", "Free some, or move the file.")


def _processes(target: Target, facts: Facts) -> Iterator[Finding]:
    if not facts.has_tables:
        return
    silent = [row.label for row in facts.executors if row.lease_over]
    live = len(facts.executors) - len(silent)
    if silent:
        yield Finding(
            "processes",
            WARN,
            f"{live} live, and silent: {', '.join(silent)}",
            "Their runs are taken over by live processes." if live else "Start one: `stepwell worker module:engine`.",
        )
    elif live:
        yield Finding("processes", OK, f"{live} live")
    else:
        yield Finding("processes", WARN, "none is running", "Start one: `stepwell worker module:engine`.")


def _stuck(target: Target, facts: Facts) -> Iterator[Finding]:
    if not facts.has_tables:
        return
    for status, number in facts.stuck.items():
        if number:
            yield Finding(
                "runs",
                WARN,
                f"{number} {status}: they do not go on by themselves",
                f"`stepwell workflow list --status {status}`, then `workflow show ID` says why.",
            )
    if not any(facts.stuck.values()):
        yield Finding("runs", OK, "none is stuck")
