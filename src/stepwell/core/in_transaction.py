"""Doing something of ours in the caller's own open transaction: `options(conn=...)`, `engine.send(..., conn=...)`.

It becomes visible exactly if the caller commits. We neither commit nor roll back, and never say anything twice.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from stepwell.core import sealing
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.outside import blocking, from_any_loop
from stepwell.core.ref import RunRef
from stepwell.core.starting import check, new_run
from stepwell.core.transaction_hands import drive
from stepwell.errors import AsyncMismatch, InvalidArgument, UsageError
from stepwell.model.options import CallOptions
from stepwell.model.rows import NewRun, Started
from stepwell.model.transactions import kind_of_class
from stepwell.serde.codec import CodecFault
from stepwell.store.hints import Hint
from stepwell.store.transactions import Dialect, Speaker

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

T = TypeVar("T")
#: What is said: it gets the engine's own dialect and the caller's connection.
Words = Callable[[Dialect, Speaker], Any]


#: How the same is said in the other colour: (awaited, blocking).
Twins = tuple[str, str]
_START: Twins = ("await fn.aio.options(conn=...)", "fn.sync.options(conn=...)")


def say(runtime: "Runtime", conn: object, words: Words, twins: Twins) -> Any:
    """Say it on a blocking connection, in this thread. Raises AsyncMismatch for an awaitable one."""
    kind = _kind(conn)
    if kind.is_async:
        raise AsyncMismatch(f"conn= is a {kind.value}, which is awaited: use the awaitable view, `{twins[0]}`")
    return drive(words(runtime.store.dialect(), runtime.speaker(conn, kind)))


async def say_async(runtime: "Runtime", conn: object, words: Words, twins: Twins) -> Any:
    """Say it on an awaitable connection, on the loop that it belongs to. Raises AsyncMismatch for a blocking one."""
    kind = _kind(conn)
    if not kind.is_async:
        raise AsyncMismatch(f"conn= is a {kind.value}, which blocks: use the blocking view in a thread, `{twins[1]}`")
    return await words(runtime.store.dialect(), runtime.speaker(conn, kind))


def _kind(conn: object) -> Any:
    kind = kind_of_class(type(conn))
    if kind is None:
        raise InvalidArgument(
            f"conn= takes an open connection of psycopg, asyncpg, SQLAlchemy, sqlite3 or Django, not "
            f"{type(conn).__name__}"
        )
    return kind


def start(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> RunRef:
    """Start a run in the caller's transaction; any process executes it once that is committed."""
    try:
        run = new_run(runtime, d, o, instance, args, kwargs)
    except CodecFault:
        run = blocking(runtime, sealing.patiently(runtime, new_run, runtime, d, o, instance, args, kwargs))
    started = say(runtime, o.conn, lambda dialect, speaker: _start(dialect, speaker, run), _START)
    check(run, started, d, o)
    return RunRef(runtime, started.workflow_id, started.run_id, d)


async def start_async(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> RunRef:
    """The same on an awaitable connection."""
    try:
        run = new_run(runtime, d, o, instance, args, kwargs)
    except CodecFault:
        retried = sealing.patiently(runtime, new_run, runtime, d, o, instance, args, kwargs)
        run = await from_any_loop(runtime, retried)
    started = await say_async(runtime, o.conn, lambda dialect, speaker: _start(dialect, speaker, run), _START)
    check(run, started, d, o)
    return RunRef(runtime, started.workflow_id, started.run_id, d)


async def _start(dialect: Dialect, speaker: Speaker, run: NewRun) -> Started:
    started = await dialect.start(speaker, run)
    if started.created:
        await dialect.hint(speaker, Hint.WORK)
    return started


def refuse_in_workflow(d: WorkflowDefinition) -> UsageError:
    """A workflow's own code has no open transaction: its replays would not have it either."""
    return UsageError(
        f"{d.name}: start with conn= from within a @transaction or a step, not from a workflow's own code: what it "
        f"starts is "
        "its child, committed with its own history"
    )
