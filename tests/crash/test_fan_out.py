"""A fan-out survives a crash at any of its calls: no child is started twice, and its results are the same."""

from typing import Any

import pytest

from stepwell import step, workflow
from stepwell.testing import PostgresServer, crash_everywhere


@step
async def quick(n: int) -> int:
    return n * 2


@workflow
async def child(n: int) -> int:
    return await quick(n)


@workflow
async def failing_child(n: int) -> int:
    if n == 2:
        raise ValueError("on purpose")
    return await quick(n)


@workflow
async def fan_out(n: int) -> int:
    return sum([each async for each in child.map(range(n, n + 5), concurrency=2)])


@workflow
def fan_out_in_threads(n: int) -> int:
    return sum(child.sync.map(range(n, n + 4), concurrency=2))


@workflow
async def one_by_one(n: int) -> int:
    """Always records the same, since no two of its children end together."""
    return sum([each async for each in child.map(range(n, n + 3), concurrency=1)])


@workflow
async def failing(n: int) -> int:
    return sum([each async for each in failing_child.map(range(n, n + 4), concurrency=2)])


@pytest.mark.parametrize("flow", [fan_out, failing])
def test_async(flow: Any) -> None:
    report = crash_everywhere(flow.bind(1), twice=10, same_steps=False)
    assert report.takeovers > 10


def test_the_same_children() -> None:
    report = crash_everywhere(one_by_one.bind(1))
    assert report.takeovers > 10


def test_threads() -> None:
    report = crash_everywhere(fan_out_in_threads.bind(1), every=3, same_steps=False)
    assert report.takeovers > 3


def test_on_postgres(postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_fan_out_crashes")
    try:
        report = crash_everywhere(fan_out.bind(1), database=database, every=5, same_steps=False)
        assert report.takeovers >= 3
    finally:
        postgres_server.drop_database("stepwell_fan_out_crashes")
