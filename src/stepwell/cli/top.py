"""`stepwell top`: everything at a glance, again and again."""

import time
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from rich.live import Live

from stepwell.cli.ask import client_of
from stepwell.cli.exits import Exit, Failure
from stepwell.cli.frame import Watched, frame
from stepwell.cli.keys import Keys
from stepwell.cli.options import Duration, Target, with_database, with_json
from stepwell.cli.output import Output, executor_document
from stepwell.cli.queue import queue_document
from stepwell.client import Client
from stepwell.core.outside import blocking
from stepwell.core.overview import overview
from stepwell.errors import StoreUnavailable
from stepwell.model.info import moment
from stepwell.model.vitals import Overview

#: Nobody reads faster.
_SHORTEST_SECONDS = 0.1
_LONGEST_SECONDS = 3600.0


@click.command()
@click.option("--interval", type=Duration(), default=1.0, show_default=True, help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Print one frame; so does a command whose output is no terminal.")
@with_database
@with_json
def top(target: Target, out: Output, interval: float, once: bool) -> None:
    """Watch queues, processes and runs. Keys: q ends it, p stops and goes on.

    A look is three statements that lock nothing and count at most 10,000 rows of each status, queue and process: at
    rest some 3 ms of the database, and about 10 ms more for each queue in which so many wait. Starts and ends are
    since the last look, at the first one over ten seconds.
    """
    if not _SHORTEST_SECONDS <= interval <= _LONGEST_SECONDS:
        raise Failure(f"--interval must be {_SHORTEST_SECONDS:g} to {_LONGEST_SECONDS:g} s", Exit.USAGE)
    with client_of(target) as client:
        first = _look(client, None)
        if out.as_json:
            out.document(overview_document(first))
            return
        watched = Watched(target.shown, datetime.now().astimezone())
        if once or not out.console.is_terminal or out.console.is_dumb_terminal:
            watched.add(first.vitals)
            watched.since = moment(first.vitals.since) or watched.since
            out.console.print(frame(first, watched, out.console.width, None))
            return
        _Watch(client, watched, out, interval).run(first)


class _Watch:
    """Looks and draws until somebody has seen enough."""

    def __init__(self, client: Client, watched: Watched, out: Output, interval: float) -> None:
        self._client = client
        self._watched = watched
        self._console = out.console
        self._interval = interval
        self._paused = False
        self._away = ""

    def run(self, look: Overview) -> None:
        """Ctrl-C is an ordinary way to leave."""
        try:
            with Keys() as keys, Live(console=self._console, screen=True, auto_refresh=False) as live:
                self._draw(live, look)
                while not self._has_left(keys, live, look):
                    look = self._next(look)
                    self._draw(live, look)
        except KeyboardInterrupt:
            return

    def _has_left(self, keys: Keys, live: Live, look: Overview) -> bool:
        """After an interval, or as soon as q is pressed."""
        until = time.monotonic() + self._interval
        while (rest := until - time.monotonic()) > 0:
            key = keys.wait(rest)
            if key in ("q", "Q", ""):
                return True
            if key in ("p", "P"):
                self._paused = not self._paused
                self._draw(live, look)
        return False

    def _next(self, look: Overview) -> Overview:
        if self._paused:
            return look
        try:
            found = _look(self._client, look.vitals.now)
        except StoreUnavailable as error:
            self._away = f"the database is away: {error}"
            return look
        self._away = ""
        self._watched.add(found.vitals)
        return found

    def _draw(self, live: Live, look: Overview) -> None:
        self._watched.note = "paused: p goes on" if self._paused else self._away
        width, height = self._console.size
        live.update(frame(look, self._watched, width, height), refresh=True)


def overview_document(look: Overview) -> dict[str, Any]:
    """A look for --json; starts and ends since `since`."""
    vitals = asdict(look.vitals)
    owned = vitals.pop("owned")
    for name in ("now", "since", "oldest"):
        vitals[name] = moment(vitals[name])
    processes = [executor_document(info) | {"owned": owned.get(info.incarnation, 0)} for info in look.executors]
    return {**vitals, "queues": [queue_document(info) for info in look.queues], "processes": processes}


def _look(client: Client, since: float | None) -> Overview:
    return blocking(client.runtime, overview(client.runtime, since))
