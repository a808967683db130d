"""Starting many runs: few commits, and little Python for each run.

Every call is checked before the first row is sent, so that one that cannot work refuses them all before any effect.
Then chunks go out, two at a time: while the database digests one, the rows of the next are made.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import async_ops, sealing, thread_ops
from stepwell.core.child import RefCoder, bound_to, draw_seq, recorded_name, recorded_start
from stepwell.core.context import Branch
from stepwell.core.definition import BoundCall
from stepwell.core.engines import find_runtime
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.outside import blocking, from_any_loop
from stepwell.core.ref import RunRef
from stepwell.core.starting import CheckedCall, check, checked_call, comparable, execution_of, own, row_of
from stepwell.errors import InvalidArgument, StepwellError
from stepwell.model.rows import NewRun, ParentRef, Started
from stepwell.model.status import Status
from stepwell.serde.codec import CodecFault
from stepwell.serde.fingerprint import fingerprint
from stepwell.store.faults import StoreFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

Calls = Sequence[BoundCall[Any]]
#: A call, what it says, and for a child its parent and its place there.
Start = tuple[BoundCall[Any], CheckedCall, Execution | None, ParentRef | None]
#: The run that a start made or met, or why it was refused.
Answer = RunRef | Exception

#: Rows of one statement.
CHUNK_ROWS = 1000

#: Rows of one transaction at most, where all are to be in one.
MOST_AT_ONCE = 20_000

#: Chunks under way at once: more of them would only wait for the one connection.
_UNDER_WAY = 2


# -- from outside --------------------------------------------------------------------------------------------


def start_many(calls: Calls, atomic: bool = False) -> list[RunRef]:
    """Start them and block until every row is committed."""
    refs: dict[int, RunRef] = {}
    for runtime, own_places in _by_runtime(calls, atomic).items():
        found = blocking(runtime, _start(runtime, [calls[place] for place in own_places], atomic))
        refs.update(zip(own_places, found, strict=True))
    return [refs[place] for place in range(len(calls))]


async def start_many_async(calls: Calls, atomic: bool = False) -> list[RunRef]:
    """The same, from any loop."""
    refs: dict[int, RunRef] = {}
    for runtime, own_places in _by_runtime(calls, atomic).items():
        found = await from_any_loop(runtime, _start(runtime, [calls[place] for place in own_places], atomic))
        refs.update(zip(own_places, found, strict=True))
    return [refs[place] for place in range(len(calls))]


def _by_runtime(calls: Calls, atomic: bool) -> dict["Runtime", list[int]]:
    """The places of the calls by the engine that each names, or that is meant where none is named."""
    if atomic and len(calls) > MOST_AT_ONCE:
        raise InvalidArgument(f"start_many(atomic=True) takes at most {MOST_AT_ONCE:,} calls, not {len(calls):,}")
    known: dict[int, Runtime] = {}
    places: dict[Runtime, list[int]] = {}
    for place, call in enumerate(calls):
        named = call.options.engine
        runtime = known.get(id(named))
        if runtime is None:
            runtime = known[id(named)] = find_runtime(named)
        places.setdefault(runtime, []).append(place)
    if atomic and len(places) > 1:
        raise InvalidArgument(
            "start_many(atomic=True): the calls name several engines, and have no transaction together"
        )
    return places


async def _start(runtime: "Runtime", calls: Calls, atomic: bool) -> list[RunRef]:
    """On the loop. A caller who goes away does not stop it half-way."""
    starts: list[Start] = []
    for place, call in enumerate(calls):
        try:
            checked = _checked(runtime, call)
        except CodecFault:
            checked = await sealing.patiently(runtime, _checked, runtime, call)
        starts.append((call, checked, None, None))
        if place % CHUNK_ROWS == CHUNK_ROWS - 1:
            await asyncio.sleep(0)  # others live on this loop too
    answers = await asyncio.shield(runtime.spawn(_send_all(runtime, starts, outside=True, atomic=atomic)))
    return [_ref(answer) for answer in answers]


def _checked(runtime: "Runtime", call: BoundCall[Any]) -> CheckedCall:
    return checked_call(runtime, call.definition, call.options, call.instance, call.args, call.kwargs)


def _ref(answer: Answer) -> RunRef:
    if isinstance(answer, Exception):
        raise answer
    return answer


# -- children of a workflow ----------------------------------------------------------------------------------


def start_children(branch: Branch, calls: Calls) -> list[RunRef]:
    """Start children and go on: their rows go in together, then each start is recorded at its own place.

    Whatever a crash leaves of it, the gates are there: a replay meets the children that were started, and starts the
    others. One that is refused does not keep the others from starting; the first refusal is raised in the end.
    """
    execution = branch.execution
    places = [(branch.path, draw_seq(branch)) for _ in calls]
    met: dict[Key, Answer] = {}

    def live(execution: Execution, key: Key, mark: int) -> tuple[RunRef, str, None, UUID | None]:
        if isinstance(met.get(key), CodecFault | None):
            first = places.index(key)
            met.update(_send_children(execution, places[first:], calls[first:]))
        ref = _ref(met[key])
        return ref, recorded_start(ref.workflow_id, ref.run_id), None, ref.run_id

    refs: list[RunRef] = []
    refused: Exception | None = None
    for key, call in zip(places, calls, strict=True):
        name, mark, coder = _recorded_as(execution, key, call)
        try:
            # What is there already needs no durable past: it was durable when the first of them was sent.
            ref = thread_ops.operation(branch, key[1], "start", name, mark, coder, live, ready=key in met)
            refs.append(bound_to(execution, ref, call.options))
        except Exception as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return refs


async def start_children_async(branch: Branch, calls: Calls) -> list[RunRef]:
    """The same for async workflows, in the task that awaits it."""
    execution = branch.execution
    places = [(branch.path, draw_seq(branch)) for _ in calls]
    met: dict[Key, Answer] = {}

    async def live(execution: Execution, key: Key) -> tuple[RunRef, str, None, UUID | None]:
        if isinstance(met.get(key), CodecFault | None):
            runtime, first = execution.runtime, places.index(key)
            answers, starts = _check_children(execution, places[first:], calls[first:])
            if starts:
                # Whoever is interrupted here has started them all the same.
                sent = runtime.spawn(_send_all(runtime, list(starts.values()), outside=False))
                answers.update(zip(starts, await asyncio.shield(sent), strict=True))
            met.update(answers)
        ref = _ref(met[key])
        return ref, recorded_start(ref.workflow_id, ref.run_id), None, ref.run_id

    refs: list[RunRef] = []
    refused: Exception | None = None
    for key, call in zip(places, calls, strict=True):
        name, mark, coder = _recorded_as(execution, key, call)
        try:
            ref = await async_ops.run_operation(branch, key[1], "start", name, mark, coder, live, reads=key in met)
            refs.append(bound_to(execution, ref, call.options))
        except Exception as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return refs


def _recorded_as(execution: Execution, key: Key, call: BoundCall[Any]) -> tuple[str, int, RefCoder]:
    """(name, fingerprint, reader) of a child that is started at this place."""
    name = recorded_name(execution, key, call.definition)
    return name, fingerprint(name, call.args, call.kwargs), RefCoder(execution.runtime, call.definition)


def _send_children(execution: Execution, places: Sequence[Key], calls: Calls) -> dict[Key, Answer]:
    """Insert children at their gates, from the workflow's thread; where their arguments do not fit, why not."""
    answers, starts = _check_children(execution, places, calls)
    if starts:
        runtime = execution.runtime
        found = runtime.inbox.run(_send_all(runtime, list(starts.values()), outside=False))
        answers.update(zip(starts, found, strict=True))
    return answers


def _check_children(
    execution: Execution, places: Sequence[Key], calls: Calls
) -> tuple[dict[Key, Answer], dict[Key, Start]]:
    """Why some of them are refused, and what the others say."""
    runtime = execution.runtime
    answers: dict[Key, Answer] = {}
    starts: dict[Key, Start] = {}
    for key, call in zip(places, calls, strict=True):
        try:
            starts[key] = call, _checked(runtime, call), execution, ParentRef(execution.run_id, key[0], key[1])
        except CodecFault:
            raise  # nothing was started yet: the operation tries it again
        except Exception as error:
            answers[key] = error
    return answers, starts


# -- both ----------------------------------------------------------------------------------------------------


async def _send_all(
    runtime: "Runtime", starts: Sequence[Start], *, outside: bool, atomic: bool = False
) -> list[Answer]:
    """Insert all rows and begin what is ours of them, chunk by chunk. On the loop; never raises an Exception."""
    at_once = len(starts) if atomic else CHUNK_ROWS
    is_async = starts[0][0].definition.is_async
    slots = sum(not start[0].options.is_queued for start in starts) if runtime.has_slot(is_async) else 0
    slots = reserved = min(slots, runtime.free_slots[is_async])
    runtime.reserved[is_async] += reserved
    gate = asyncio.Semaphore(_UNDER_WAY)
    gone: list[Exception] = []  # the database is, for longer than a caller's patience: the rest need not try

    def row(call: BoundCall[Any], checked: CheckedCall, parent: Execution | None, place: ParentRef | None) -> NewRun:
        nonlocal slots
        run = row_of(runtime, call.definition, call.options, checked, parent, place)
        if slots and not call.options.is_queued:
            slots -= 1
            own(runtime, run)
        return run

    async def send(first: int) -> list[Answer]:
        async with gate:
            chunk = starts[first : first + at_once]
            runs = [row(*start) for start in chunk]
            try:
                met = [gone[0]] * len(chunk) if gone else await _insert(runtime, runs, outside, singly=not atomic)
            except Exception as error:
                gone.append(error)
                met = [error] * len(chunk)
            return [_begun(runtime, run, start[0], each) for run, start, each in zip(runs, chunk, met, strict=True)]

    try:
        answers = await asyncio.gather(*(send(first) for first in range(0, len(starts), at_once)))
    finally:
        runtime.reserved[is_async] -= reserved
    if reserved < len(starts):
        runtime.work.set()  # the others are claimed, here or elsewhere
    return [answer for chunk in answers for answer in chunk]


async def _insert(
    runtime: "Runtime", runs: list[NewRun], outside: bool, *, singly: bool
) -> Sequence[Started | Exception]:
    """One statement for all; if the database refuses a value of one of them, each by itself, or none."""
    try:
        started: Sequence[Started] = await runtime.patient(runtime.store.start, runs, outside=outside)
    except StoreFault as fault:
        if not singly:
            raise StepwellError(f"the database refuses one of {len(runs)} starts, and so all: {fault.told}") from fault
        return await asyncio.gather(*(_insert_one(runtime, run, outside) for run in runs))
    return [
        each if each.created else await _compared(runtime, run, each, outside)
        for run, each in zip(runs, started, strict=True)
    ]


async def _compared(runtime: "Runtime", run: NewRun, started: Started, outside: bool) -> Started | Exception:
    try:
        return await comparable(runtime, run, started, outside)
    except Exception as error:
        return error


async def _insert_one(runtime: "Runtime", run: NewRun, outside: bool) -> Started | Exception:
    try:
        return await runtime.start(run, outside=outside)
    except Exception as error:
        return error


def _begun(runtime: "Runtime", run: NewRun, call: BoundCall[Any], started: Started | Exception) -> Answer:
    """What became of one: executed here from now on if it is ours, or why it was refused."""
    if isinstance(started, Exception):
        return started
    definition = call.definition
    if not started.created:
        try:
            check(run, started, definition, call.options)
        except Exception as error:
            return error
    elif run.status == Status.PENDING:
        arguments = call.args, call.kwargs
        runtime.begin(execution_of(runtime, run, definition, call.instance, arguments, started.deadline))
    return RunRef(runtime, started.workflow_id, started.run_id, definition)
