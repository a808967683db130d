"""`lifespan`: an engine that lives as long as an ASGI application, on its loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from stepwell import step, workflow
from tests.engine.kit import Lab


@step
async def fetch(url: str) -> str:
    return url.upper()


@step
def parse(page: str) -> int:
    return len(page)


@workflow
async def digest(urls: list[str]) -> int:
    return sum([await parse.aio(await fetch(url)) for url in urls])


@workflow
def lengths(page: str) -> int:
    return parse(page)


async def starting(request: Request) -> JSONResponse:
    handle = await digest.options(id=request.path_params["id"]).start(["a", "bc"])
    return JSONResponse({"id": handle.id, "result": await handle.result()})


def looking(request: Request) -> JSONResponse:
    """A `def` handler runs on a thread of the server's."""
    handle = digest.sync.handle(request.path_params["id"])
    return JSONResponse({"result": handle.result(), "length": lengths("abcd")})


def application(lab: Lab) -> Starlette:
    return Starlette(
        lifespan=lab.engine().lifespan,
        routes=[Route("/start/{id}", starting), Route("/look/{id}", looking)],
    )


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[None]:
    """What a server does with an application's lifespan."""
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "state": {}}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await task


async def get(app: Any, path: str) -> str:
    """The body of the answer."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "root_path": ""}
    await app(scope, receive, send)
    assert sent[0]["status"] == 200
    return b"".join(message.get("body", b"") for message in sent[1:]).decode()


async def test_handlers_of_both_colours_find_the_engine(lab: Lab) -> None:
    app = application(lab)
    async with served(app):
        for _ in range(2):
            assert await get(app, "/start/d-1") == '{"id":"d-1","result":3}'
        assert await get(app, "/look/d-1") == '{"result":3,"length":4}'


async def test_an_application_served_again(lab: Lab) -> None:
    app = application(lab)
    for n in range(2):
        async with served(app):
            assert await get(app, f"/start/d-{n}") == f'{{"id":"d-{n}","result":3}}'
    async with lab.engine() as engine:
        assert await engine.aio.count() == 2
