"""The widget store as a process, its customers, and what must be true of its books afterwards."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import psycopg

ROOT = Path(__file__).parents[2]
#: Something that takes longer than this is stuck, seconds.
PATIENCE = 60.0
PRICE = 2490


class Shop:
    """`python -m examples.widget_store` on a database, as users start it."""

    def __init__(self, database: str, log: Path, *, servers: int = 1, **settings: object) -> None:
        self.database = database
        self._log = log
        environment = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
        environment["PYTHONPATH"] = str(ROOT / "src")
        environment |= {f"STORE_{name.upper()}": str(value) for name, value in settings.items()}
        command = [sys.executable, "-m", "examples.widget_store", "--database", database, "--port", "0"]
        command += ["--servers", str(servers), "--stop-with-stdin"]
        with log.open("wb") as file:
            self._supervisor = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=file
            )
        # One for all threads that look: psycopg lets them take turns.
        self._session = (
            None
            if database.startswith("sqlite")
            else psycopg.connect(database, autocommit=True, options="-c search_path=public,stepwell")
        )
        self.url = eventually(self._address, "the shop is open")

    def _address(self) -> str | None:
        assert self._supervisor.poll() is None, f"the shop has ended:\n{self.said()}"
        found = re.search(r"is open: (\S+)", self.said())
        try:
            return found[1] if found and httpx.get(found[1], timeout=2).status_code == 200 else None
        except httpx.TransportError:
            return None

    def said(self) -> str:
        """What it has printed."""
        return self._log.read_text(errors="replace")

    def story(self) -> str:
        """What it has printed, and where orders and workflows stand."""
        orders = self.sql("select id, status, reason from orders order by placed_at")
        runs = self.sql(
            "select workflow_id, status, reason, attempts, output, error from workflows order by created_at"
        )
        return "\n".join([self.said(), *map(str, orders), *map(str, runs)])

    @property
    def servers(self) -> list[int]:
        """The server processes that live, oldest first."""
        started = [int(pid) for pid in re.findall(r"process (\d+) is started", self.said())]
        ended = {int(pid) for pid in re.findall(r"process (\d+) (?:was killed|ended)", self.said())}
        return [pid for pid in started if pid not in ended]

    @property
    def crashes(self) -> int:
        """Server processes that were killed."""
        return self.said().count("was killed (SIGKILL)")

    @property
    def taken_over(self) -> int:
        """Orders that a process took from a dead one, as the servers have logged it."""
        return sum(map(int, re.findall(r"took (\d+) runs over", self.said())))

    def kill(self, pid: int) -> None:
        """SIGKILL, and wait until the supervisor has seen it."""
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pid not in self.servers, "the supervisor has noticed")

    @contextlib.contextmanager
    def without_supervisor(self) -> Iterator[None]:
        """Within this nobody starts servers."""
        self._supervisor.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._supervisor.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """SIGTERM; the shop closes well, and says why it did not."""
        if self._session is not None:
            self._session.close()
        self._supervisor.terminate()
        try:
            self._supervisor.communicate(timeout=30)
            code = self._supervisor.returncode
        except subprocess.TimeoutExpired:
            # Its servers end when it does.
            self._supervisor.kill()
            self._supervisor.communicate()
            raise AssertionError(f"the shop did not close:\n{self.said()}") from None
        assert code == 0, f"the shop ended with code {code}:\n{self.said()}"
        assert "Traceback" not in self.said(), self.said()

    def kill_supervisor(self) -> None:
        """SIGKILL for the one who starts the others."""
        self._supervisor.kill()
        self._supervisor.communicate()

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """One statement; the runs are in the view `workflows`."""
        if self._session is not None:
            return self._session.execute(statement.encode()).fetchall()
        connection = sqlite3.connect(urlsplit(self.database).path.removeprefix("/"), timeout=30)
        with contextlib.closing(connection):
            return connection.execute(statement).fetchall()


@dataclass
class Customer:
    """Sends what a browser without scripts sends: again and again until a server answers."""

    shop: Shop
    key: str
    browser: ClassVar = httpx.Client(timeout=5.0, limits=httpx.Limits(max_keepalive_connections=0))

    @property
    def order(self) -> str:
        """The order's id."""
        return f"order-{self.key}"

    def post(self, path: str, **form: object) -> httpx.Response:
        """The answer, not followed."""
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.browser.post(self.shop.url + path, data=form)
                if answer.status_code < 500:
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < ends, f"no server answers:\n{self.shop.said()}"
            time.sleep(0.1)

    def buy(self, quantity: int = 1) -> httpx.Response:
        """Press the button."""
        return self.post("/orders", key=self.key, quantity=quantity)

    def answer(self, answer: str) -> httpx.Response:
        """ "pay" or "refuse"."""
        return self.post(f"/orders/{self.order}/payment", key=self.key, answer=answer)

    @property
    def status(self) -> str | None:
        """Of the order in the books."""
        found = self.shop.sql(f"select status from orders where id = '{self.order}'")
        return found[0][0] if found else None

    def wait_for(self, *statuses: str) -> None:
        """Until the order is there."""
        eventually(lambda: self.status in statuses, f"{self.order} is {' or '.join(statuses)}")

    @property
    def has_ended(self) -> bool:
        """Whether the order's workflow has."""
        found = self.shop.sql(f"select status from workflows where workflow_id = '{self.order}'")
        return bool(found) and found[0][0] in ("SUCCESS", "ERROR", "CANCELLED")

    def wait_for_the_end(self) -> None:
        """Of the order's workflow."""
        eventually(lambda: self.has_ended, f"the workflow of {self.order} has ended")


def check_books(shop: Shop) -> Counter[str]:
    """Every order has one outcome, and every widget and every cent is where it should be. Returns the outcomes."""
    orders = shop.sql("select id, quantity, cents, status, reason from orders")
    runs = {
        id: (status, output)
        for id, status, output in shop.sql(
            "select workflow_id, status, output from workflows where name like '%:checkout'"
        )
    }
    paid: dict[str, list[int]] = {}
    for order, cents in shop.sql("select order_id, cents from payments"):
        paid.setdefault(order, []).append(cents)
    assert runs.keys() == {id for id, *_ in orders}, "orders and workflows differ"
    outcomes: Counter[str] = Counter()
    for id, quantity, cents, status, reason in orders:
        outcome = "delivered" if status == "delivered" else reason
        assert status in ("delivered", "cancelled"), f"{id} is {status}"
        assert runs[id] == ("SUCCESS", as_stored(runs[id][1], outcome)), f"{id}: {runs[id]}, and the order is {outcome}"
        assert cents == quantity * PRICE
        assert paid.get(id, []) == ([cents] if status == "delivered" else []), f"{id} ({outcome}): {paid.get(id)}"
        outcomes[outcome] += 1
    most = shop.sql("select max(n) from (select count(*) as n from messages group by run_id) as counted")
    assert most in ([(1,)], [(None,)]), "a payment that was sent twice is two messages"
    ((received, stock),) = shop.sql("select received, stock from products")
    sold = sum(quantity for _, quantity, _, status, _ in orders if status == "delivered")
    assert stock + sold == received, f"{stock} on the shelf, {sold} sold, {received} received"
    return outcomes


def as_stored(output: Any, outcome: str) -> Any:
    """The outcome as the view shows a result: text in SQLite, a value in Postgres."""
    return f'"{outcome}"' if isinstance(output, str) and output.startswith('"') else outcome


def eventually(look: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
    """What `look` returns as soon as it is true."""
    ends = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < ends, f"{what}: not within {timeout:g} s"
        time.sleep(0.05)
    return found
