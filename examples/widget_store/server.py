"""One process of the shop: the pages, and the engine that executes the orders.

    python -m examples.widget_store serve --fd N      as the supervisor starts it, with a socket of its own

`stepwell worker examples.widget_store.server:engine` executes orders too, without pages.
"""

import os
import socket
import sys
import threading

import uvicorn

from stepwell import Settings, Stepwell

from . import checkout  # noqa: F401  a worker serves the workflows that are imported
from .database import URL
from .pages import make_app

# A process is taken for dead after five seconds of silence, the least there is; the default is fifteen.
engine = Stepwell(URL, settings=Settings(lease=5, sweep_interval=0.5, poll_interval=0.5, drain=3))


def serve(fd: int) -> None:
    """Answer on the listening socket `fd` until SIGTERM, or until the supervisor has gone."""
    app = make_app(engine)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5))
    app.state.leaving = lambda: server.should_exit
    threading.Thread(target=_leave_with_the_supervisor, args=[server], daemon=True).start()
    server.run(sockets=[socket.socket(fileno=fd)])


def _leave_with_the_supervisor(server: uvicorn.Server) -> None:
    """It holds the other end of our standard input and never writes to it."""
    os.read(sys.stdin.fileno(), 1)
    server.should_exit = True
