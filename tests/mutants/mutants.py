"""Stepwell with one rule of its protocol broken, and the scenario that must notice."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from stepwell.core import child, delivery, verbs
from stepwell.core.execution import Execution
from stepwell.core.runtime import Runtime
from stepwell.core.unwind import Unwound
from stepwell.model.rows import Intent, NewRun
from stepwell.services.sweeper import Sweeper
from stepwell.store.postgres import migrate
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.sqlite import connection
from tests.mutants import scenarios

Scenario = Callable[[str | None], None]


@dataclass(frozen=True)
class Mutant:
    """`broken` breaks the rule within its block; `caught_by` must raise AssertionError there."""

    name: str
    broken: Callable[[], AbstractContextManager[None]]
    caught_by: Scenario
    store: str = "sqlite"
    seldom: bool = False  # takes longer than three seconds

    def __str__(self) -> str:
        return self.name


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """`owner.name` is something else within the block."""
    before = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def sqlite_statement(name: str, *changes: tuple[str, str]) -> Callable[[], AbstractContextManager[None]]:
    """A statement of the SQLite store, changed."""

    def broken() -> AbstractContextManager[None]:
        return replaced(connection, "SQL", {**connection.SQL, name: _changed(connection.SQL[name], changes)})

    return broken


def postgres_statements(**changes: tuple[str, str]) -> Callable[[], AbstractContextManager[None]]:
    """Statements of the Postgres store, changed: concept__verb=(old, new)."""
    named = {name.replace("__", "/"): change for name, change in changes.items()}
    whole = Lanes.sql

    def sql(self: Lanes, name: str) -> bytes:
        text = whole(self, name)
        return _changed(text.decode(), (named[name],)).encode() if name in named else text

    return lambda: replaced(Lanes, "sql", sql)


def postgres_function(old: str, new: str) -> Callable[[], AbstractContextManager[None]]:
    """A function of the schema, changed: its migration is."""

    def broken() -> AbstractContextManager[None]:
        known = migrate.known_migrations()
        assert any(old in each.sql for each in known), f"the mutant is out of date: {old!r} is in no migration"
        changed = [replace(each, sql=each.sql.replace(old, new)) for each in known]
        return replaced(migrate, "known_migrations", lambda: changed)

    return broken


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        assert old in text, f"the mutant is out of date: {old!r} is not in\n{text}"
        text = text.replace(old, new)
    return text


# -- broken Python -------------------------------------------------------------------------------------------------


async def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


async def _durable_at_once(self: Execution) -> None:
    if self.fate is not None:
        raise Unwound


def _durable_at_once_in_thread(self: Execution) -> None:
    if self.fate is not None:
        raise Unwound


def _same_name_is_same(self: delivery.History, row: Any, name: str, fingerprint: int) -> str | None:
    return _mismatch(self, row, name, row.fingerprint)


_mismatch = delivery.History.mismatch


def _by_place(self: delivery.History, recorded: list[Any]) -> None:
    _history(self, recorded)
    self.order.sort(key=lambda row: (row.branch, row.seq))


_history = delivery.History.__init__


def _by_own_clock(execution: Execution, key: tuple[str, int], name: str, seconds: float | None) -> Intent:
    """The wall clock of the process, which need not be that of the database."""
    wall = execution.runtime.env.uuid7().int >> 80
    return Intent(
        execution.run_id, execution.epoch, key[0], key[1], name, "wait", 0, None, wall / 1000 + (seconds or 0.0)
    )


def _dead_by_lease(self: Sweeper, executors: list[Any]) -> list[Any]:
    return [
        (row.incarnation, row.beat)
        for row in executors
        if row.lease_over and row.incarnation != self.runtime.incarnation
    ]


def _always_drawn(kind: str, draw_value: Callable[[Execution], Any]) -> Any:
    value = _recorded(kind, draw_value)
    execution = verbs.branch_here(kind).execution
    return draw_value(execution) if execution.epoch > 1 else value


_recorded = verbs._recorded


def _never_fenced(self: Runtime, fence_until: float) -> None:
    _renewed(self, float("inf"))


_renewed = Runtime.renewed


def _no_intent(self: Execution, row: Any) -> None:
    if not (isinstance(row, Intent) and row.kind == "once"):
        _append(self, row)


_append = Execution.append


def _no_gate(*args: Any, **kwargs: Any) -> NewRun:
    run = _child_row(*args, **kwargs)
    run.parent = None
    run.workflow_id = str(run.run_id)
    return run


_child_row = child._row


MUTANTS = [
    Mutant(
        "checkpoints are not fenced",
        sqlite_statement("workflows/fence", ("AND epoch = ? AND status = 'PENDING'", "AND ? > 0")),
        scenarios.zombie_writes,
    ),
    Mutant(
        "checkpoints are not fenced (Postgres)",
        postgres_function("and s.epoch = of_epoch and s.status = 'PENDING'\n           for share", "for share"),
        scenarios.zombie_writes,
        "postgres",
    ),
    Mutant("dead processes are not swept", lambda: replaced(Sweeper, "once", _nothing), scenarios.crashes),
    Mutant(
        "a claim does not raise the epoch (Postgres)",
        postgres_function("epoch = w.epoch + 1, attempts", "epoch = w.epoch, attempts"),
        scenarios.parking,
        "postgres",
    ),
    Mutant(
        "a claim does not raise the epoch",
        sqlite_statement("claims/take", ("epoch = epoch + 1", "epoch = epoch")),
        scenarios.parking,
    ),
    Mutant(
        "dead by the lease alone",
        lambda: replaced(Sweeper, "_dead", _dead_by_lease),
        scenarios.a_jump_of_the_clock,
    ),
    Mutant("no self-fence", lambda: replaced(Runtime, "renewed", _never_fenced), scenarios.zombie_bodies),
    Mutant(
        "sleeping by the process's clock",
        lambda: replaced(verbs, "_wait_intent", _by_own_clock),
        scenarios.somebody_elses_clock,
    ),
    Mutant(
        "checkpoints are not idempotent",
        sqlite_statement("steps/insert_new", ("ON CONFLICT", "-- ON CONFLICT")),
        scenarios.lost_answers,
    ),
    Mutant(
        "starts are not idempotent",
        sqlite_statement("workflows/insert", ("ON CONFLICT DO NOTHING", "")),
        scenarios.lost_answers,
    ),
    Mutant(
        "checkpoints are not idempotent (Postgres)",
        postgres_statements(checkpoints__record_carefully=("on conflict do nothing", "")),
        scenarios.lost_answers,
        "postgres",
    ),
    Mutant("no output commit", lambda: replaced(Execution, "durable", _durable_at_once), scenarios.crashes),
    Mutant(
        "no output commit in threads",
        lambda: replaced(Execution, "durable_in_thread", _durable_at_once_in_thread),
        scenarios.crashes_in_threads,
    ),
    Mutant(
        "swapped calls are not noticed",
        lambda: replaced(delivery.History, "mismatch", _same_name_is_same),
        scenarios.swapped_calls,
    ),
    Mutant(
        "outcomes are replayed by place",
        lambda: replaced(delivery.History, "__init__", _by_place),
        scenarios.order_of_outcomes,
    ),
    Mutant("drawn again in a replay", lambda: replaced(verbs, "_recorded", _always_drawn), scenarios.drawn_values),
    Mutant(
        "at_most_once without its intent",
        lambda: replaced(Execution, "append", _no_intent),
        scenarios.at_most_once,
        seldom=True,
    ),
    Mutant("a child without a gate", lambda: replaced(child, "_row", _no_gate), scenarios.crashes, seldom=True),
]
