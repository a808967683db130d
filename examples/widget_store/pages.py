"""What the browser asks for. Every page works without a script; the script only makes it live."""

import os
import re
import signal
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import stepwell
from stepwell import AsyncHandle, Stepwell, WorkflowConflict, WorkflowEnded, WorkflowNotFound

from . import live
from .checkout import STAGES, Payment, checkout, restock
from .stock import Status
from .views import OrderView, read_order, read_shop, seconds_left

HERE = Path(__file__).parent
MOST_AT_ONCE = 5
RESTOCK = 50
KEY = re.compile(r"[A-Za-z0-9-]{8,64}")
ORDER = "order-"

templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())
templates.filters["money"] = lambda cents: f"€\N{NO-BREAK SPACE}{cents / 100:,.2f}"
# One decision per order: of several pages and clicks the first one counts.
templates.filters["payment_key"] = lambda order: order.removeprefix(ORDER)
templates.filters["clock"] = lambda at: time.strftime("%H:%M:%S", time.localtime(at))
templates.globals.update(
    seconds_left=seconds_left,
    STAGES=STAGES,
    Status=Status,
    most_at_once=MOST_AT_ONCE,
    # Which process answers, since when, and how many died before it.
    server={"pid": os.getpid(), "since": time.time(), "crashes": int(os.environ.get("STORE_CRASHES", "0"))},
)


# -- the parts of pages that change, by element id ---------------------------------------------------------------
async def shop_parts(request: Request) -> dict[str, str]:
    """Of the shop."""
    books, orders = await read_shop()
    return {
        "server": show("_server.html"),
        "shelf": show("_shelf.html", books=books),
        "books": show("_books.html", books=books),
        "orders": show("_orders.html", orders=orders, more=books.orders - len(orders)),
    }


async def order_parts(request: Request) -> dict[str, str]:
    """Of an order."""
    order, run = await find_order(request)
    return {
        "server": show("_server.html"),
        "order": show("_order.html", order=order, id=run.id, steps=await run.steps(), run=await run.status()),
    }


async def pay_parts(request: Request) -> dict[str, str]:
    """Of the payment."""
    order, run = await find_order(request)
    return {
        "server": show("_server.html"),
        "pay": show("_pay.html", order=order, id=run.id),
    }


# -- pages ----------------------------------------------------------------------------------------------------
async def shop(request: Request) -> Response:
    """The widget, the orders, the books."""
    return await page("shop.html", request, shop_parts, key=uuid.uuid4().hex)


async def order(request: Request) -> Response:
    """One order: where it stands, and what is recorded of it."""
    return await page("order.html", request, order_parts)


async def pay(request: Request) -> Response:
    """Where the customer pays, refuses, or lets it lapse."""
    return await page("pay.html", request, pay_parts)


async def page(template: str, request: Request, parts: live.Parts, **values: object) -> Response:
    """A page with its parts as they are now. Not kept by browsers: the keys in its forms are for one use."""
    shown = show(template, parts=await parts(request), live=f"/live{request.url.path}", **values)
    return HTMLResponse(shown, headers={"cache-control": "no-store"})


def live_of(parts: live.Parts) -> Any:
    """The endpoint that tells what changes on a page."""

    async def told(request: Request) -> StreamingResponse:
        return live.stream(request, parts)

    return told


# -- what customers do ----------------------------------------------------------------------------------------
async def buy(request: Request) -> Response:
    """Start the checkout. The form's key is the workflow's id: clicked twice, sent twice, it is one order."""
    form = await read_form(request)
    key = request.headers.get("idempotency-key") or form.get("key", "")
    if not KEY.fullmatch(key):
        raise HTTPException(400, "An order needs a key: 8 to 64 letters, digits and hyphens.")
    id = ORDER + key
    try:
        await checkout.aio.options(id=id).start("widget", read_quantity(form))
    except WorkflowConflict:
        raise HTTPException(409, "This form was used for another order already. Please begin again.") from None
    return RedirectResponse(f"/orders/{id}/pay", 303)


async def send_payment(request: Request) -> Response:
    """Tell the checkout what the customer decided. The form's key is the message's: sent twice, it counts once."""
    form = await read_form(request)
    id, key, answer = request.path_params["id"], form.get("key", ""), form.get("answer")
    if not KEY.fullmatch(key) or answer not in ("pay", "refuse"):
        raise HTTPException(400, "A payment needs a key, and the answer 'pay' or 'refuse'.")
    try:
        await stepwell.aio.send(id, Payment(key, answer == "pay"), topic="payment", key=key)
    except WorkflowNotFound:
        raise HTTPException(404, "There is no such order.") from None
    except WorkflowEnded:
        order = await read_order(id)
        if order is None or order.status == Status.CANCELLED:
            raise HTTPException(409, "Too late: the order is cancelled. You were not charged.") from None
    return RedirectResponse(f"/orders/{id}", 303)


async def fill_shelf(request: Request) -> Response:
    """More widgets: once per form, as everything here."""
    form = await read_form(request)
    if not KEY.fullmatch(form.get("key", "")):
        raise HTTPException(400, "A delivery needs a key.")
    await restock.aio.options(id=f"restock-{form['key']}")("widget", RESTOCK)
    return RedirectResponse("/", 303)


async def crash(request: Request) -> Response:
    """SIGKILL for this process: no handler, no `finally`, no goodbye to the database."""
    return HTMLResponse(show("crashed.html"), background=BackgroundTask(os.kill, os.getpid(), signal.SIGKILL))


# -- help -----------------------------------------------------------------------------------------------------
def show(template: str, **values: object) -> str:
    """A template's HTML."""
    return templates.get_template(template).render(**values)


async def find_order(request: Request) -> tuple[OrderView | None, AsyncHandle[Any]]:
    """The order of the address and its workflow. In the first moment there is only the latter."""
    id = request.path_params["id"]
    try:
        run = await request.app.state.engine.aio.handle(id)
    except WorkflowNotFound:
        raise HTTPException(404, "There is no such order.") from None
    return await read_order(id), run


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send them."""
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}


def read_quantity(form: dict[str, str]) -> int:
    """How many widgets."""
    quantity = form.get("quantity", "1")
    if not quantity.isdecimal() or not 1 <= int(quantity) <= MOST_AT_ONCE:
        raise HTTPException(400, f"We sell between 1 and {MOST_AT_ONCE} widgets at once.")
    return int(quantity)


async def refused(request: Request, error: Exception) -> Response:
    """An error, as a page."""
    if isinstance(error, HTTPException):
        return HTMLResponse(show("error.html", code=error.status_code, why=error.detail), error.status_code)
    return HTMLResponse(show("error.html", code=500, why="The shop has a problem. Your orders are safe."), 500)


class SameSite:
    """Forms of other sites cannot order here, and browsers load nothing that is not ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI middleware."""
        if scope["type"] == "http" and scope["method"] == "POST":
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != headers.get("host"):
                await HTMLResponse("Forbidden", 403)(scope, receive, send)
                return

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-security-policy"] = "default-src 'self'; base-uri 'none'"
            await send(message)

        await self.app(scope, receive, with_policy)


def make_app(engine: Stepwell) -> Starlette:
    """The shop, on this engine."""
    ways = [
        Route("/", shop),
        Route("/orders", buy, methods=["POST"]),
        Route("/orders/{id}", order),
        Route("/orders/{id}/pay", pay),
        Route("/orders/{id}/payment", send_payment, methods=["POST"]),
        Route("/restock", fill_shelf, methods=["POST"]),
        Route("/crash", crash, methods=["POST"]),
        Route("/live/", live_of(shop_parts)),
        Route("/live/orders/{id}", live_of(order_parts)),
        Route("/live/orders/{id}/pay", live_of(pay_parts)),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    app = Starlette(
        routes=ways,
        lifespan=engine.lifespan,
        middleware=[Middleware(SameSite)],
        exception_handlers={HTTPException: refused, Exception: refused},
    )
    app.state.engine = engine
    app.state.leaving = lambda: False
    return app
