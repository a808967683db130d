"""What Postgres is told in users' transactions, over whatever driver: see `store.transactions.Dialect`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from stepwell.model.rows import Checkpoint, NewRun, Started
from stepwell.model.transactions import Elsewhere, Mode
from stepwell.store.api import StoreIdentity
from stepwell.store.faults import FaultKind
from stepwell.store.postgres.errors import kind_of
from stepwell.store.sqlfile import statement_of
from stepwell.store.transactions import Query, Speaker, ended_itself

_NO_RUN = UUID(int=0)


class PostgresDialect:
    """`sql`: the statements of one schema; `identity`: whose runs are started; `notice`: the channel and the payload of
    the notification of a start, if there is to be one."""

    is_sqlite = False

    def __init__(self, sql: Mapping[str, str], identity: StoreIdentity, notice: tuple[str, str] | None = None) -> None:
        self._sql = sql
        self._identity = identity
        self._notice = notice

    def kind_of(self, code: str) -> FaultKind:
        """By the store's own table."""
        return kind_of(code)

    def _query(self, name: str, /, **document: Any) -> Query:
        return Query(self._sql[name], _json(document) if document else None)

    # -- begin and mark ------------------------------------------------------------------------------------------
    def begin(self, mode: Mode) -> str:
        """Two statements for one round trip; nothing in them comes from outside."""
        writes = "READ ONLY" if mode.read_only else "READ WRITE"
        return (
            f"BEGIN ISOLATION LEVEL {mode.isolation.upper()} {writes};"
            f" SELECT set_config('idle_in_transaction_session_timeout', '{_milliseconds(mode)}', true),"
            f" set_config('stepwell_transaction.token', '{mode.token}', true)"
        )

    def isolation(self, mode: Mode) -> str | None:
        writes = "READ ONLY" if mode.read_only else "READ WRITE"
        return f"SET TRANSACTION ISOLATION LEVEL {mode.isolation.upper()} {writes}"

    async def mark(self, speaker: Speaker, mode: Mode) -> None:
        await speaker.run(self._query("transactions/mark", idle=_milliseconds(mode), token=mode.token))

    def unmark(self, speaker: Speaker, mode: Mode) -> None:
        """Everything was local to the transaction."""

    async def is_marked(self, speaker: Speaker, mode: Mode) -> bool:
        return await _answer(speaker, self._query("transactions/is_marked", token=mode.token))

    # -- the engine's own database -------------------------------------------------------------------------------
    async def record(self, speaker: Speaker, row: Checkpoint, mode: Mode) -> bool:
        written = await speaker.run(
            self._query(
                "transactions/record",
                run_id=row.run_id,
                epoch=row.epoch,
                branch=row.branch,
                seq=row.seq,
                name=row.name,
                kind=row.kind,
                ended=row.ended,
                output=row.output,
                error=row.error,
                fingerprint=row.fingerprint,
                pos=row.pos,
                elapsed=row.elapsed,
                attempts=min(row.attempts, 32767),
                codec_id=row.codec_id,
                token=mode.token,
            )
        )
        if not written and not await self.is_marked(speaker, mode):
            raise ended_itself()
        return bool(written)

    async def is_home_of(self, speaker: Speaker, incarnation: UUID) -> bool:
        if not await _answer(speaker, self._query("transactions/has_home", schema=self._identity.schema)):
            return False
        return await _answer(speaker, self._query("transactions/is_home", incarnation=incarnation))

    async def start(self, speaker: Speaker, run: NewRun) -> Started:
        named = {"namespace": self._identity.namespace, "workflow_id": run.workflow_id}
        if run.replace:
            await speaker.run(self._query("transactions/start_replacing", **named))
        inserted = await speaker.run(
            self._query(
                "transactions/start",
                **named,
                app=self._identity.app,
                run_id=run.run_id,
                name=run.name,
                route=run.route,
                input=run.input,
                input_digest=run.input_digest,
                version=run.version,
                instance=run.instance,
                code_hint=run.code_hint,
                codec_id=run.codec_id,
                queue=run.queue,
                priority=run.priority,
                max_recoveries=run.max_recoveries,
                delay=run.delay,
                not_before=run.not_before,
                timeout=run.timeout,
                deadline=run.deadline,
            )
        )
        if inserted and run.attributes is not None:
            await speaker.run(
                self._query("transactions/start_attributes", run_id=run.run_id, attributes=run.attributes)
            )
        met = inserted or await speaker.run(self._query("transactions/start_met", **named))
        run_id, workflow_id, name, digest, status, deadline = met[0]
        return Started(UUID(run_id), workflow_id, bool(inserted), name, digest, status, deadline)

    async def hint(self, speaker: Speaker) -> None:
        """In the caller's transaction: it is heard when that is committed, and never if it is not."""
        if self._notice is not None:
            channel, payload = self._notice
            await speaker.run(self._query("transactions/hint", channel=channel, payload=payload))

    # -- outcomes in other databases -----------------------------------------------------------------------------
    @property
    def outcome_table(self) -> str:
        return statement_of(Path(__file__).with_name("outcomes.sql"))

    async def prepare(self, speaker: Speaker, create: bool) -> bool:
        there = await _answer(speaker, self._query("transactions/outcomes_there"))
        if not there and create:
            await speaker.run(Query(self.outcome_table))
            return True
        return there

    async def found(self, speaker: Speaker, run_id: UUID, branch: str, seq: int) -> Elsewhere | None:
        rows = await speaker.run(self._query("transactions/outcomes_find", run_id=run_id, branch=branch, seq=seq))
        return Elsewhere(*rows[0]) if rows else None

    async def write(self, speaker: Speaker, row: Checkpoint) -> bool:
        written = await speaker.run(
            self._query(
                "transactions/outcomes_write",
                run_id=row.run_id,
                branch=row.branch,
                seq=row.seq,
                epoch=row.epoch,
                name=row.name,
                fingerprint=row.fingerprint,
                output=row.output,
                codec_id=row.codec_id,
            )
        )
        return bool(written)

    async def forget(self, speaker: Speaker, run_id: UUID, branch: str, seq: int) -> None:
        await speaker.run(self._query("transactions/outcomes_forget", run_id=run_id, branch=branch, seq=seq))

    async def kept(self, speaker: Speaker, after: UUID | None, limit: int) -> list[UUID]:
        rows = await speaker.run(self._query("transactions/outcomes_kept", after=after or _NO_RUN, most=limit))
        return [UUID(run_id) for (run_id,) in rows]

    async def clear(self, speaker: Speaker, run_ids: list[UUID]) -> None:
        await speaker.run(Query(self._sql["transactions/outcomes_clear"], _json([str(run_id) for run_id in run_ids])))


async def _answer(speaker: Speaker, query: Query) -> bool:
    return bool((await speaker.run(query))[0][0])


def _milliseconds(mode: Mode) -> str:
    return str(max(1, round(mode.idle * 1000)))


def _json(document: Any) -> str:
    return msgspec.json.encode(document).decode()
