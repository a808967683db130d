"""Server-sent events: the parts of a page that have changed, as the HTML that the page began with."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import StreamingResponse

#: Between two looks, seconds.
LOOK_SECONDS = 0.3
#: A line now and then tells both sides that the other is there.
SILENCE_SECONDS = 10.0

Parts = Callable[[Request], Awaitable[dict[str, str]]]


def stream(request: Request, parts: Parts) -> StreamingResponse:
    """Tell the browser what is new of `parts`, HTML by element id, until one of us leaves."""
    return StreamingResponse(
        _events(request, parts), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


async def _events(request: Request, parts: Parts) -> AsyncIterator[str]:
    told: dict[str, str] = {}
    silent = 0.0
    yield "retry: 300\n\n"
    while not request.app.state.leaving():
        now = await parts(request)
        news = {id: html for id, html in now.items() if told.get(id) != html}
        told, silent = now, 0.0 if news else silent + LOOK_SECONDS
        if news:
            yield f"data: {json.dumps(news)}\n\n"
        elif silent > SILENCE_SECONDS:
            silent = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_SECONDS)
