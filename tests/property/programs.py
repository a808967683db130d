"""Workflows as data: random programs, and the one workflow that carries any of them out."""

import asyncio
import sqlite3
from typing import Any

from hypothesis import strategies as st

import stepwell
from stepwell import step, transaction, workflow
from tests.messaging.flows import answer

#: ["step", n] and the like; a list of them is a program.
Program = list[Any]


class Refused(Exception):
    """A step that fails."""


@step
async def work(n: int, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return n


@step(retry=2)
async def stubborn(n: int) -> int:
    if stepwell.current().attempt <= n % 3:
        raise Refused(f"attempt of {n}")
    return n


@step
async def refuse(n: int) -> int:
    raise Refused(str(n))


@workflow
async def carry_out(program: Program) -> list[Any]:
    """Everything in its order; the results say what was done."""
    return await _branch(program, "")


async def _do(action: list[Any], where: str) -> Any:
    """`where`: unique in its run, and the same in every execution."""
    match action:
        case ["work", n, seconds]:
            return await work(n, seconds)
        case ["stubborn", n]:
            return await stubborn(n)
        case ["sleep", seconds]:
            await stepwell.aio.sleep(seconds)
            return "slept"
        case ["drawn"]:
            drawn = str(stepwell.uuid4())
            return drawn == str(await _echo(drawn))
        case ["refused", n]:
            try:
                return await refuse(n)
            except Refused as error:
                return f"refused {error}"
        case ["child", program]:
            return await carry_out(program)
        case ["started", program]:
            handle = await carry_out.start(program)
            between = await work(0, 0.5)
            return [between, await handle.result()]
        case ["gather", *branches]:
            numbered = (_branch(branch, f"{where}.{n}") for n, branch in enumerate(branches))
            return list(await asyncio.gather(*numbered))
        case ["say", n]:
            me = stepwell.current().id
            await stepwell.aio.send(me, n, where)
            await _tell(me, n + 1, where)
            never = await stepwell.aio.recv(f"{where} never", timeout=0.5, default="never")
            return [await stepwell.aio.recv(where, type=int), await stepwell.aio.recv(where, type=int), never]
        case ["show", n]:
            me = stepwell.current().id
            await stepwell.aio.set_event(where, n)
            for entry in range(2):
                await stepwell.aio.write_stream(where, n + entry)
            await stepwell.aio.close_stream(where)
            streamed = [each async for each in stepwell.aio.read_stream(me, where, type=int)]
            return [await stepwell.aio.get_event(me, where, type=int), streamed]
        case ["ask", n]:
            asked = await stepwell.aio.token(int)
            await answer(asked.id, n)
            return await asked.wait()
        case ["saga", program, fails]:
            return await _saga(program, fails, where)
        case ["write", n]:
            return await write.aio(n)
        case ["limited", seconds, n]:
            return await _limited(seconds, n)
    raise AssertionError(f"not an action: {action}")


@step
async def _echo(text: str) -> str:
    return text


@step
async def _tell(to: str, n: int, topic: str) -> None:
    await stepwell.aio.send(to, n, topic)


@transaction
def write(conn: sqlite3.Connection, n: int) -> int:
    """How often this operation has written: a doubled or lost one changes the outcome."""
    place = stepwell.current().idempotency_key
    conn.execute("CREATE TABLE IF NOT EXISTS property_ledger (place TEXT, n INTEGER)")
    conn.execute("INSERT INTO property_ledger VALUES (?, ?)", (place, n))
    return int(conn.execute("SELECT count(*) FROM property_ledger WHERE place = ?", (place,)).fetchone()[0])


async def _branch(program: Program, where: str) -> list[Any]:
    return [await _do(each, f"{where}.{n}") for n, each in enumerate(program)]


async def _saga(program: Program, fails: bool, where: str) -> Any:
    done: list[Any] = []
    try:
        async with stepwell.aio.saga() as s:
            for n, each in enumerate(program):
                s.push(work, n, 0.5)
                done.append(await _do(each, f"{where}.{n}"))
            if fails:
                await refuse(len(program))
    except Refused as error:
        done.append(f"undone: {error}")
    return done


async def _limited(seconds: float, n: int) -> str:
    """Whether the time is over depends on how long a takeover lasts: only that it goes on is a result."""
    try:
        async with stepwell.aio.timeout(seconds):
            await work(n, 1.0)
            await work(n, 2.0)
    except stepwell.WaitTimeout:
        await work(n, 0.0)
    return "limited"


NUMBERS = st.integers(0, 20)
SECONDS = st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0])

SIMPLE = st.one_of(
    st.tuples(st.just("work"), NUMBERS, SECONDS),
    st.tuples(st.just("stubborn"), NUMBERS),
    st.tuples(st.just("sleep"), st.sampled_from([0.1, 2.0, 7.0])),
    st.tuples(st.just("drawn")),
    st.tuples(st.just("refused"), NUMBERS),
    st.tuples(st.sampled_from(["say", "show", "ask"]), NUMBERS),
).map(list)
#: Not where several processes live: see tests/simulation/test_storms_of_transactions.py.
WRITES = st.tuples(st.just("write"), NUMBERS).map(list)


def _nested(actions: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    program = st.lists(actions, min_size=1, max_size=3)
    return st.one_of(
        st.tuples(st.just("child"), program).map(list),
        st.tuples(st.just("started"), program).map(list),
        st.tuples(st.just("saga"), program, st.booleans()).map(list),
        st.lists(program, min_size=2, max_size=3).map(lambda branches: ["gather", *branches]),
    )


#: Programs whose recorded steps do not depend on time.
PROGRAMS = st.lists(st.recursive(SIMPLE | WRITES, _nested, max_leaves=6), min_size=1, max_size=4)

#: Those with time limits in between.
TIMED = st.lists(
    st.one_of(
        st.recursive(SIMPLE, _nested, max_leaves=4),
        st.tuples(st.just("limited"), st.sampled_from([0.5, 2.0, 20.0]), NUMBERS).map(list),
    ),
    min_size=1,
    max_size=4,
)
