"""Workflows that the tests execute in their own process, to have something to look at."""

import stepwell
from stepwell import step, workflow


@step
def plus(a: int, b: int) -> int:
    return a + b


@workflow
def add(a: int, b: int) -> int:
    return plus(plus(a, b), 0)


@step
def echo(words: str) -> str:
    return words


@workflow
def text(words: str) -> str:
    return echo(words)


@workflow
def fail(message: str) -> None:
    raise ValueError(message)


@workflow
def nap(seconds: float) -> None:
    stepwell.sleep(seconds)
