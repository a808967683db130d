"""The process dies at every call that it makes to its database while a saga does, fails and undoes."""

import pytest

import stepwell
from stepwell import step, workflow
from stepwell.testing import PostgresServer, crash_everywhere

ROOMS = 3


class Full(Exception):
    """There is no such room."""


class Busy(Exception):
    """The first attempts at undoing."""


@step
def book(room: int, full: int) -> int:
    if room == full:
        raise Full(room)
    return room


@step
def cancel(room: int) -> None:
    """Without retries of its own: it gets those of the saga."""
    if stepwell.current().attempt < 3:
        raise Busy(room)


@step
async def never(room: int) -> None:
    raise Busy(room)


@workflow
def trip(full: int) -> int:
    """Fails at the room `full`; with ROOMS it gets to its end."""
    try:
        with stepwell.saga() as s:
            for room in range(ROOMS):
                booked = book(room, full)
                s.push(cancel, booked)
                if room == 1:
                    stepwell.sleep(8)  # parks
    except Full:
        return -1
    return ROOMS


@workflow
async def trip_async(full: int) -> int:
    try:
        async with stepwell.aio.saga() as s:
            for room in range(ROOMS):
                booked = await book.aio(room, full)
                s.push(cancel.aio, booked)
                async with stepwell.aio.saga() as inner:
                    inner.push(never, booked)
                    await stepwell.aio.sleep(1)
                    inner.dismiss()
    except Full:
        return -1
    return ROOMS


@workflow
async def cancelled(full: int) -> int:
    """Its deadline cancels it, while it waits or while it undoes."""
    async with stepwell.aio.saga() as s:
        s.push(cancel.aio, 0)
        s.push(never.options(retry=1), 1)
        await book.aio(0, full)
        await stepwell.aio.sleep(60)
    return ROOMS


@pytest.mark.parametrize("full", range(ROOMS + 1))
def test_a_def_saga_fails_at_each_place(full: int) -> None:
    report = crash_everywhere(trip.bind(full), twice=2)
    assert report.takeovers > 0


@pytest.mark.parametrize("full", range(ROOMS + 1))
def test_an_async_saga_fails_at_each_place(full: int) -> None:
    report = crash_everywhere(trip_async.bind(full), twice=2)
    assert report.takeovers > 0


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("seconds", [20, 40, 600])
def test_it_is_cancelled_by_its_deadline(seconds: float, every: int) -> None:
    """Most of its calls are the sweeps of a long wait."""
    call = cancelled.options(timeout=seconds).bind(ROOMS)
    report = crash_everywhere(call, same_steps=False, same_result=False, every=every)
    assert report.takeovers > 0


@pytest.mark.parametrize("flow", [trip, trip_async], ids=["def", "async"])
def test_on_postgres(flow: "stepwell.Workflow[[int], int]", postgres_server: PostgresServer) -> None:
    name = f"stepwell_saga_{flow.__name__}"
    database = postgres_server.create_database(name)
    try:
        report = crash_everywhere(flow.bind(2), database=database, every=5)
        assert report.takeovers >= 3
    finally:
        postgres_server.drop_database(name)
