"""Page 2: the same, awaited. `async def` functions take the same decorators; nothing else changes."""

import asyncio

import stepwell
from stepwell import Stepwell, step, workflow

fetched: list[str] = []


@step
async def fetch(url: str) -> str:
    await asyncio.sleep(0.01)
    fetched.append(url)
    return f"<{url}>"


@step
def parse(page: str) -> str:
    return page.strip("<>")


@workflow
async def digest(urls: list[str]) -> list[str]:
    pages = await asyncio.gather(*(fetch(u) for u in urls))  # numbered when fetch(u) is *called*
    await stepwell.aio.sleep(0.01)  # stepwell.aio.X is the awaitable twin of stepwell.X
    return pages


async def test_awaiting_runs_it(database_url: str) -> None:
    async with Stepwell(database_url):
        assert await digest(["a", "b"]) == ["<a>", "<b>"]


async def test_starting_is_awaited_too(database_url: str) -> None:
    async with Stepwell(database_url):
        handle = await digest.start(["a", "b"])
        assert await handle.result() == ["<a>", "<b>"]
        assert (await handle.status()).status == "SUCCESS"


@workflow
async def mixed(url: str) -> str:
    return await parse.aio(await fetch(url))  # a `def` step from async code: `.aio`, on a worker thread


@workflow
def mixed_def(url: str) -> str:
    return parse(fetch.sync(url))  # an async step from `def` code: `.sync`


async def test_every_function_has_both_colours(database_url: str) -> None:
    async with Stepwell(database_url):
        assert await mixed("a") == await mixed_def.aio("a") == "a"


def test_and_blocking_code_uses_the_other_view(database_url: str) -> None:
    with Stepwell(database_url):
        assert mixed.sync("a") == mixed_def("a") == "a"
        assert digest.sync.start(["a"]).result() == ["<a>"]


async def test_waiting_costs_next_to_nothing(database_url: str) -> None:
    @workflow(name="guide:nap", replace=True)
    async def nap() -> str:
        await stepwell.aio.sleep(0.1)
        return "rested"

    async with Stepwell(database_url):
        handles = [await nap.start() for _ in range(50)]
        assert [await each.result() for each in handles] == ["rested"] * 50
