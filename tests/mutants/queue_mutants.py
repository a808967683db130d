"""Stepwell with one rule of its queues broken."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from stepwell.model.rows import NewRun
from stepwell.store.halves import Halves
from stepwell.store.sqlite import coalescing, rates
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.limits import LimitedQueue
from tests.mutants import queue_scenarios as queues
from tests.mutants.mutants import Mutant, postgres_function, postgres_statements, replaced, sqlite_statement


def _one_more(self: LimitedQueue, count: str, most: int, **whose: object) -> int:
    return max(0, _running(self, count, most, **whose) - 1)


_running = LimitedQueue._running


def _nothing_noted(*_: object) -> None:
    """No start is remembered."""


def _resumed_as_others(self: LimitedQueue, capacity: int) -> list[int]:
    return []


def _whatever_partition(self: LimitedQueue, capacity: int) -> list[int]:
    return [row for _, row, _ in self._by_rank("claims/resumed", limit=capacity)][:capacity]


def _no_turn(self: LimitedQueue, turn: str | None) -> None:
    """Who was served is forgotten."""


def _everything(self: Halves, routes: Sequence[str], limit: int) -> int:
    return limit


def _for_all_routes(self: Halves, routes: Sequence[str], limit: int) -> int:
    return _by_routes(self, ["all"], limit)


_by_routes = Halves.for_limited


def _never_there(db: Session, run: NewRun) -> bool:
    return False


def _changed(owner: Any, name: str, value: Any) -> Callable[[], AbstractContextManager[None]]:
    return lambda: replaced(owner, name, value)


QUEUE_MUTANTS = [
    # -- how much --------------------------------------------------------------------------------------------------
    Mutant("a limit is one more", _changed(LimitedQueue, "_running", _one_more), queues.concurrency),
    Mutant(
        "a limit is one more (Postgres)",
        postgres_function(
            "capacity := least(capacity, q.concurrency -", "capacity := least(capacity, 1 + q.concurrency -"
        ),
        queues.concurrency,
        "postgres",
    ),
    Mutant(
        "a queue's row is not locked (Postgres)",
        postgres_function("and not c.paused for no key update skip locked", "and not c.paused"),
        queues.race,
        "postgres",
    ),
    Mutant(
        "a process counts the runs of all",
        sqlite_statement("claims/running_of_owner", ("AND owner = :owner", "AND :owner IS NOT NULL")),
        queues.worker_concurrency,
    ),
    Mutant("rates note nothing", _changed(rates, "note", _nothing_noted), queues.rate),
    Mutant(
        "rates note nothing (Postgres)",
        postgres_function("values (at, at, at + make_interval(secs => period), number,", "values (at, at, at, 0,"),
        queues.rate,
        "postgres",
    ),
    Mutant(
        "a rate holds what has run before",
        _changed(LimitedQueue, "_resumed", _resumed_as_others),
        queues.resumed_at_a_rate,
    ),
    Mutant(
        "when a rate opens is not told (Postgres)",
        postgres_function("opens_at := case when rate.room = 0 then rate.opens_at end;", "opens_at := null;"),
        queues.opening,
        "postgres",
    ),
    Mutant(
        "what goes on counts in no partition",
        _changed(LimitedQueue, "_resumed", _whatever_partition),
        queues.resumed_in_partitions,
    ),
    Mutant(
        "partitions have no limit",
        sqlite_statement("claims/running_in_partition", ("status = 'PENDING'", "status = 'PENDING' AND 1 = 2")),
        queues.partitions,
    ),
    # -- which -----------------------------------------------------------------------------------------------------
    Mutant(
        "a paused queue is claimed from (Postgres)",
        postgres_function("and not c.paused", "and true"),
        queues.paused,
        "postgres",
    ),
    Mutant("the turn of partitions is forgotten", _changed(LimitedQueue, "_set_turn", _no_turn), queues.turns),
    Mutant(
        "what goes on takes no turn (Postgres)",
        postgres_function("or resumed + number > 0);", "or number > 0);"),
        queues.going_on,
        "postgres",
    ),
    Mutant("a backlog takes all places", _changed(Halves, "for_limited", _everything), queues.places_for_others),
    Mutant("claims of all routes take turns", _changed(Halves, "for_limited", _for_all_routes), queues.other_routes),
    Mutant(
        "a share that is used up is all there is (Postgres)",
        postgres_function("more or (most > 0 and spare <= 0)", "more"),
        queues.share,
        "postgres",
    ),
    # -- starts ----------------------------------------------------------------------------------------------------
    Mutant(
        "a dedup key says nothing",
        sqlite_statement("workflows/insert", (":dedup_key", "NULL")),
        queues.dedup,
    ),
    Mutant(
        "nothing expires",
        sqlite_statement("claims/expire", ("expires_at <= (SELECT stepwell_clock())", "expires_at < 0")),
        queues.expiry,
    ),
    Mutant(
        "items replace each other",
        sqlite_statement("coalescing/add_to_batch", ("substr(input, 1, length(input) - 3) || ','", "'{\"args\":[['")),
        queues.batches,
    ),
    Mutant("a lost answer is another start", _changed(coalescing, "_is_there", _never_there), queues.lost_answers),
    Mutant(
        "a lost answer is another start (Postgres)",
        postgres_statements(
            coalescing__add_to_batch=("where o.run_id = $7::uuid", "where o.run_id = $7::uuid and false"),
            coalescing__holder=("where o.run_id = $4::uuid", "where o.run_id = $4::uuid and false"),
        ),
        queues.lost_answers,
        "postgres",
    ),
]
