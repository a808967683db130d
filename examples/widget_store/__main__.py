"""python -m examples.widget_store [--database sqlite | postgres | URL] [--port 8000] [--servers 1]"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path


def main() -> int:
    """The supervisor, or with `serve` one of its servers."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.widget_store", description="A shop that survives crashes."
    )
    parser.add_argument("--database", default=os.environ.get("STEPWELL_DATABASE_URL", "sqlite"), help=_DATABASE)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free")
    parser.add_argument("--servers", type=int, default=1, help="processes on the one address (1)")
    parser.add_argument("--stop-with-stdin", action="store_true", help=argparse.SUPPRESS)  # so that tests leave nothing
    verbs = parser.add_subparsers(dest="verb", metavar="")
    verbs.add_parser("serve").add_argument("--fd", type=int, required=True)
    given = parser.parse_args()
    if given.verb == "serve":
        from .server import serve

        serve(given.fd)
        return 0
    if given.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    return _supervise(given.database, given.host, given.port, given.servers)


_DATABASE = "sqlite (the file widget_store.db here), postgres (a temporary server), or a URL"


def _supervise(database: str, host: str, port: int, servers: int) -> int:
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(socket.create_server((host, port)))
        except OSError as error:
            print(f"{host}:{port} cannot be used: {os.strerror(error.errno or 0)}. Try --port 0.", file=sys.stderr)
            return 1
        url, what = _open_database(database, stack)
        os.environ["STEPWELL_DATABASE_URL"] = url

        from .database import create_tables  # it reads the URL when it is imported
        from .supervisor import Supervisor

        create_tables()
        address = f"http://{host}:{listener.getsockname()[1]}"
        print(f"The widget store is open: {address} ({what}). Ctrl-C closes it.", flush=True)
        code = Supervisor(listener, url, servers).run()
        print("The widget store is closed." if code == 0 else "The servers do not start.", flush=True)
        return code


def _stop_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _open_database(database: str, stack: contextlib.ExitStack) -> tuple[str, str]:
    """Its URL, and what it is in words."""
    if database == "sqlite":
        file = Path("widget_store.db").absolute()
        return f"sqlite:///{file}", f"in the file {file.name}: orders go on where they were"
    if database != "postgres":
        return database, "in the database that was given"
    from stepwell.testing import TemporaryPostgres

    server = stack.enter_context(TemporaryPostgres())
    return server.create_database("widget_store"), "in a Postgres server of its own, which is gone when it closes"


if __name__ == "__main__":
    sys.exit(main())
