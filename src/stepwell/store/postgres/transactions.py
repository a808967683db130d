"""What Postgres is told in users' transactions, over whatever driver: see `store.transactions.Dialect`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from stepwell.model.messaging import Delivery, NewMessage, Sent
from stepwell.model.rows import Checkpoint, NewRun, Started
from stepwell.model.transactions import Elsewhere, Mode
from stepwell.store.api import StoreIdentity
from stepwell.store.faults import FaultKind
from stepwell.store.hints import Hint
from stepwell.store.postgres.errors import kind_of
from stepwell.store.sqlfile import statement_of
from stepwell.store.transactions import Hold, Query, Speaker, code_of, ended_itself

_NO_RUN = UUID(int=0)
#: What `record_transaction` raises.
_NOT_MARKED, _NOT_WRITTEN = "SW001", "SW002"

#: The channel and the payload that say this in somebody's transaction; None: nobody is told.
Notices = Callable[[Hint], tuple[str, str] | None]


def _nobody(_: Hint) -> None:
    return None


class PostgresDialect:
    """`sql`: the statements of one schema; `identity`: whose runs are started and sent to; `notices`: how others are
    told of it."""

    is_sqlite = False

    def __init__(self, sql: Mapping[str, str], identity: StoreIdentity, notices: Notices = _nobody) -> None:
        self._sql = sql
        self._identity = identity
        self._notices = notices

    def kind_of(self, code: str) -> FaultKind:
        """By the store's own table."""
        return kind_of(code)

    def _query(self, name: str, /, **document: Any) -> Query:
        return Query(self._sql[name], _json(document) if document else None)

    # -- begin and mark ------------------------------------------------------------------------------------------
    def begin(self, mode: Mode) -> str:
        """All in one round trip; nothing in it comes from outside."""
        writes = "READ ONLY" if mode.read_only else "READ WRITE"
        return (
            f"BEGIN ISOLATION LEVEL {mode.isolation.upper()} {writes};"
            f" SET LOCAL idle_in_transaction_session_timeout = {_milliseconds(mode)};"
            f" SET LOCAL stepwell_transaction.token = '{mode.token}'"
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
    async def conclude(self, hold: Hold, row: Checkpoint, mode: Mode) -> bool:
        try:
            await hold.commit_after(
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
        except Exception as error:
            code = code_of(error)
            if code == _NOT_MARKED:
                raise ended_itself() from error
            if code == _NOT_WRITTEN:
                return False
            raise
        return True

    async def is_home_of(self, speaker: Speaker, incarnation: UUID) -> bool:
        if not await _answer(speaker, self._query("transactions/has_home", schema=self._identity.schema)):
            return False
        return await _answer(speaker, self._query("transactions/is_home", incarnation=incarnation))

    async def start(self, speaker: Speaker, run: NewRun) -> Started:
        named = {"namespace": self._identity.namespace, "workflow_id": run.workflow_id}
        keyed = {**named, "queue": run.queue, "dedup_key": run.dedup_key}
        if run.replace:
            await speaker.run(self._query("transactions/start_replacing", **keyed))
        if run.replace and run.dedup_key is not None:
            await speaker.run(self._query("transactions/start_replacing_waiting", **keyed))
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
                partition_key=run.partition_key,
                dedup_key=run.dedup_key,
                expires=run.expires,
            )
        )
        if inserted and run.attributes is not None:
            await speaker.run(
                self._query("transactions/start_attributes", run_id=run.run_id, attributes=run.attributes)
            )
        if inserted:
            ((run_id, workflow_id, name, digest, status, deadline),) = inserted
            return Started(UUID(run_id), workflow_id, True, name, digest, status, deadline)
        ((run_id, *met, same_key),) = await speaker.run(self._query("transactions/start_met", **keyed))
        workflow_id, name, digest, status, deadline = met
        return Started(UUID(run_id), workflow_id, False, name, digest, status, deadline, same_key)

    async def send(self, speaker: Speaker, message: NewMessage) -> Sent:
        rows = await speaker.run(
            self._query(
                "transactions/send",
                namespace=self._identity.namespace,
                workflow_id=message.workflow_id,
                key=message.key,
                topic=message.topic or "",
                body=message.body,
                codec_id=message.codec_id,
                sender_run=message.sender_run,
                reply_to=message.reply_to,
            )
        )
        if not rows:
            return Sent(Delivery.NOT_FOUND, None)
        run_id, ended, parked, inserted, there = rows[0]
        if ended:
            return Sent(Delivery.DUPLICATE if there else Delivery.ENDED, UUID(run_id))
        woken = parked and await speaker.run(
            self._query("transactions/send_waking", run_id=run_id, topic=message.topic or "")
        )
        return Sent(Delivery.SENT if inserted else Delivery.DUPLICATE, UUID(run_id), woke=bool(woken))

    async def hint(self, speaker: Speaker, hints: Hint) -> None:
        """In the caller's transaction: it is heard when that is committed, and never if it is not."""
        notice = self._notices(hints)
        if notice is not None:
            channel, payload = notice
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

    async def write(self, speaker: Speaker, row: Checkpoint, mode: Mode) -> bool:
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
                token=mode.token,
            )
        )
        if not written and not await self.is_marked(speaker, mode):
            raise ended_itself()
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
