"""Stepwell with one rule of its messages, publications, transactions or sagas broken."""

import re
from typing import Any
from uuid import UUID, uuid4

from stepwell.core import event_publishing, event_sweeping, sending, tokens, transaction_ends
from stepwell.core.keys import sent_key
from stepwell.core.saga import _Compensations
from stepwell.core.transaction_values import Ending
from stepwell.store.postgres.transactions import PostgresDialect
from stepwell.store.sqlite.transactions import SQLiteDialect
from stepwell.store.transactions import Hold, Query
from tests.mutants import facts
from tests.mutants.mutants import Mutant, postgres_statements, replaced, sqlite_statement

#: What the function of the same purpose does, without its look at the run.
_UNFENCED = """
    insert into {schema}.operation_outputs
        (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, codec_id)
    select d.run_id, d.epoch, d.branch, d.seq, d.name, d.kind, d.ended, d.output, d.error, d.fingerprint, d.pos,
           d.elapsed, d.attempts, d.codec_id
    from json_to_record($1::text::json)
         as d (run_id uuid, epoch integer, branch text, seq integer, name text, kind text, ended text, output text,
               error text, fingerprint bigint, pos integer, elapsed real, attempts smallint, codec_id text)
"""


def _unfenced(self: PostgresDialect, name: str, /, **document: Any) -> Query:
    query = _query(self, name, **document)
    if name != "transactions/record":
        return query
    found = re.search(r"select (\S+)\.record_transaction\(", query.text)
    assert found, f"the mutant is out of date: {query.text}"
    return Query(_UNFENCED.format(schema=found[1]), query.document)


_query = PostgresDialect._query


async def _recorded_later(flow: Any, hold: Hold, mode: Any, ending: Ending) -> Ending:
    """The writes are committed; the checkpoint goes through the journal, like a step's."""
    await flow.hands.permit(draws=False)
    await hold.commit()
    return ending


async def _written_nowhere(self: SQLiteDialect, speaker: Any, row: Any, mode: Any) -> bool:
    return await self.is_marked(speaker, mode)


async def _found_nothing(flow: Any, hold: Hold) -> None:
    return None


def _another_key(run_id: UUID, key: Any, effect: int | None = None) -> str:
    return f"{sent_key(run_id, key, effect)}{uuid4()}"


def _another_event_id(run_id: UUID, key: Any, effect: int | None = None) -> str:
    return str(uuid4())


async def _nothing_is_left(runtime: Any) -> None:
    return None


def _push_in_front(self: _Compensations, fn: Any, *args: Any, **kwargs: Any) -> None:
    _push(self, fn, *args, **kwargs)
    self._stack.insert(0, self._stack.pop())


_push = _Compensations.push


FACT_MUTANTS = [
    # -- published events ------------------------------------------------------------------------------------------
    Mutant(
        "an operation's event has another id each time",
        lambda: replaced(event_publishing, "placed_id", _another_event_id),
        facts.announcing,
    ),
    Mutant(
        "what a dead publisher has left stays undone",
        lambda: replaced(event_sweeping, "sweep", _nothing_is_left),
        facts.cancelling,
        seldom=True,
    ),
    # -- transactions ----------------------------------------------------------------------------------------------
    Mutant(
        "a transaction is not fenced (Postgres)",
        lambda: replaced(PostgresDialect, "_query", _unfenced),
        facts.zombie_transaction,
        "postgres",
    ),
    Mutant(
        "a transaction's checkpoint follows its commit",
        lambda: replaced(transaction_ends, "commit_home", _recorded_later),
        facts.transactions,
    ),
    Mutant(
        "a transaction's checkpoint follows its commit (Postgres)",
        lambda: replaced(transaction_ends, "commit_home", _recorded_later),
        facts.transactions,
        "postgres",
    ),
    Mutant(
        "no outcome row in the other database",
        lambda: replaced(SQLiteDialect, "write", _written_nowhere),
        facts.transactions_elsewhere,
    ),
    Mutant(
        "nobody looks for the outcome row",
        lambda: replaced(transaction_ends, "found", _found_nothing),
        facts.transactions_elsewhere,
        seldom=True,
    ),
    # -- messages --------------------------------------------------------------------------------------------------
    Mutant(
        "a message of a known key is another message",
        sqlite_statement("messages/insert", ("VALUES (?, ?,", "VALUES (?, ? || hex(randomblob(8)),")),
        facts.lost_sends,
    ),
    Mutant(
        "a message of a known key is another message (Postgres)",
        postgres_statements(messages__send=("select d.run_id, w.key,", "select d.run_id, w.key || gen_random_uuid(),")),
        facts.lost_sends,
        "postgres",
    ),
    Mutant(
        "an operation's message has another key each time",
        lambda: replaced(sending, "sent_key", _another_key),
        facts.talk,
    ),
    Mutant(
        "an answer is not known by who gave it",
        lambda: replaced(tokens, "sent_key", _another_key),
        facts.talk,
        seldom=True,
    ),
    Mutant(
        "a received message is not consumed",
        sqlite_statement("messages/consume", ("AND EXISTS", "AND 1 = 2 AND EXISTS")),
        facts.talk,
    ),
    Mutant(
        "a received message is not consumed (Postgres)",
        postgres_statements(messages__consume=("where m.consumed_seq is null", "where false")),
        facts.talk,
        "postgres",
    ),
    Mutant(
        "receipts are not fenced",
        sqlite_statement("workflows/fence", ("AND epoch = ? AND status = 'PENDING'", "AND ? > 0")),
        facts.zombie_receives,
    ),
    # -- events, streams -------------------------------------------------------------------------------------------
    Mutant(
        "a place publishes as often as it is asked to",
        sqlite_statement("publications/noted", ("WHERE ", "WHERE 1 = 2 AND ")),
        facts.lost_sends,
    ),
    Mutant(
        "publications are not fenced",
        sqlite_statement("workflows/fence", ("AND epoch = ? AND status = 'PENDING'", "AND ? > 0")),
        facts.zombie_shows,
    ),
    # -- sagas -----------------------------------------------------------------------------------------------------
    Mutant("sagas undo what came first first", lambda: replaced(_Compensations, "push", _push_in_front), facts.undoing),
]
