"""`stepwell queue`: looking at queues, and changing them while everything runs."""

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from stepwell.cli.ask import client_of
from stepwell.cli.exits import Exit, Failure
from stepwell.cli.limits import Limit, RateLimit, changes, limits_text, rate_text
from stepwell.cli.options import Duration, Target, with_database, with_json
from stepwell.cli.output import Output, duration
from stepwell.client import Client
from stepwell.errors import QueueNotFound, WaitTimeout
from stepwell.model.durations import seconds
from stepwell.model.queues import Queue, QueueInfo
from stepwell.model.words import counted

#: How often `drain` says what is left, seconds.
_TELL_SECONDS = 1.0


@click.group()
def queue() -> None:
    """Look at queues; change their limits, pause, resume, purge, drain and delete them."""


@queue.command("list")
@with_database
@with_json
def list_(target: Target, out: Output) -> None:
    """All queues that are declared or have runs that wait or are executed. Counts stop at 100,000."""
    with client_of(target) as client:
        found = client.queues.list()
    if out.as_json:
        out.document({"queues": [queue_document(info) for info in found]})
        return
    if not found:
        out.line("no queues")
        return
    out.table(
        ("queue", "state", "waiting", "delayed", "running", "oldest", "limits"),
        [
            (
                info.name,
                "paused" if info.queue.paused else "on",
                info.waiting,
                info.delayed,
                info.running,
                age(info.oldest),
                limits_text(info.queue),
            )
            for info in found
        ],
    )


@queue.command()
@click.argument("name")
@with_database
@with_json
def show(target: Target, out: Output, name: str) -> None:
    """One queue: its limits, and what is in it."""
    with client_of(target) as client:
        info = client.queues.get(name)
    if out.as_json:
        out.document(queue_document(info))
        return
    shown = info.queue
    oldest = age(info.oldest)
    out.pairs(
        [
            ("name", shown.name),
            ("state", "paused" if shown.paused else "on"),
            ("waiting", info.waiting),
            ("delayed", info.delayed),
            ("running", info.running),
            ("oldest", None if oldest is None else f"{oldest} ago"),
            ("concurrency", shown.concurrency),
            ("worker concurrency", shown.worker_concurrency),
            ("rate", rate_text(shown.rate)),
            ("partition concurrency", shown.partition_concurrency),
            ("partition rate", rate_text(shown.partition_rate)),
            ("partitions", "in turn" if shown.fair else "by priority and age alone"),
            ("places", "kept until the end" if shown.keep_place else "given back while a run waits parked"),
            ("row", None if info.declared else "none: it has no limits, only runs"),
        ]
    )


@queue.command("set")
@click.argument("name")
@click.option("--concurrency", type=Limit(), help="Runs at once, in all processes together.")
@click.option("--worker-concurrency", type=Limit(), help="Runs at once in each process.")
@click.option("--rate", type=RateLimit(), metavar="STARTS/TIME", help="100/60, 10/1s, 5/2m: in any such span of time.")
@click.option("--partition-concurrency", type=Limit(), help="Runs at once of each partition.")
@click.option("--partition-rate", type=RateLimit(), metavar="STARTS/TIME", help="Starts of each partition.")
@click.option("--fair/--no-fair", default=None, help="Partitions in turn, or by priority and age alone.")
@click.option("--keep-place/--no-keep-place", default=None, help="Runs that wait parked count, too.")
@click.option("--create", is_flag=True, help="Make the queue if nobody has declared it and nothing is in it.")
@with_database
@with_json
def set_(target: Target, out: Output, name: str, create: bool, **given: Any) -> None:
    """Change some settings of NAME; the others stay. `none` takes a limit away: --concurrency none.

    They count at once, in every process: what is executed goes on, what is claimed next keeps them. They stay when
    code that declares the queue is launched again; what nobody has changed follows the code.
    """
    fields = changes(given)
    if not fields and not create:
        raise Failure("nothing to change: give one of the options", Exit.USAGE, "`stepwell queue set --help` has them.")
    with client_of(target) as client:
        try:
            info = client.queues.update(name, **fields)
        except QueueNotFound as error:
            if not create:
                raise Failure(f"there is no queue {name!r}", Exit.NOT_FOUND, "--create makes it.") from error
            info = client.queues.create(Queue(name).changed(**fields))
    _say(out, info, f"{name}: {limits_text(info.queue) or 'no limits'}")


@queue.command()
@click.argument("name")
@with_database
@with_json
def pause(target: Target, out: Output, name: str) -> None:
    """Start nothing of it from now on; what is executed goes on, new runs wait."""
    info = _asked(target, lambda client: client.queues.pause(name))
    _say(out, info, f"{name} is paused; {counted(info.running, 'run is', 'runs are')} still executed")


@queue.command()
@click.argument("name")
@with_database
@with_json
def resume(target: Target, out: Output, name: str) -> None:
    """Go on with a queue that is paused."""
    info = _asked(target, lambda client: client.queues.resume(name))
    _say(out, info, f"{name} goes on; {counted(info.waiting, 'run waits', 'runs wait')}")


@queue.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_database
@with_json
def purge(target: Target, out: Output, name: str, yes: bool) -> None:
    """Cancel all runs that wait in it and never started, delayed ones too. What has begun goes on."""
    if out.as_json and not yes:
        raise Failure("with --json nobody can be asked: give --yes", Exit.USAGE)
    with client_of(target) as client:
        if not yes:
            info = client.queues.get(name)
            waiting = counted(info.waiting + info.delayed, "run that waits", "runs that wait")
            click.confirm(f"Cancel {waiting} in {name}?", abort=True, err=True)
        number = client.queues.purge(name)
    if out.as_json:
        out.document({"queue": name, "cancelled": number})
    else:
        out.line(f"{counted(number, 'run is', 'runs are')} cancelled")


@queue.command()
@click.argument("name")
@click.option("--timeout", type=Duration(), help="Seconds, or 90s, 5m, 2h. Without it: as long as it takes.")
@with_database
@with_json
def drain(target: Target, out: Output, name: str, timeout: float | None) -> None:
    """Wait until nothing is left to start or executed in it, delayed runs included. Exit code 5 if --timeout is over
    first.

    It stops nothing and starts nothing: pause who sends, and leave the processes that serve it running. Runs that wait
    parked (in a long sleep, for a message) are not waited for: it says how many there are, and they come back.
    """
    until = float("inf") if timeout is None else time.monotonic() + seconds(timeout, "--timeout")
    told = ""
    with client_of(target) as client:
        while not isinstance(left := _left(client, name, max(0.0, min(_TELL_SECONDS, until - time.monotonic()))), int):
            said = _told(left)
            if time.monotonic() >= until:
                raise Failure(f"after {timeout:g} s {name} has {said}", Exit.TIMEOUT, "It goes on.")
            if said != told and not out.as_json:
                out.note(f"{name}: {said}")
            told = said
    if out.as_json:
        out.document({"queue": name, "empty": True, "parked": left})
    else:
        out.line(f"{name} is empty" + (f"; {counted(left, 'run waits', 'runs wait')} parked" if left else ""))


@queue.command()
@click.argument("name")
@with_database
@with_json
def delete(target: Target, out: Output, name: str) -> None:
    """Forget its limits. Refused while runs of it wait, are executed or are parked."""
    _asked(target, lambda client: client.queues.delete(name))
    out.document({"queue": name, "deleted": True}) if out.as_json else out.line(f"{name} is deleted")


def queue_document(info: QueueInfo) -> dict[str, Any]:
    """A queue for --json: its settings, rates as {limit, per}, and what is in it."""
    counts = {name: getattr(info, name) for name in ("waiting", "delayed", "running", "oldest", "declared")}
    return {**asdict(info.queue), **counts}


def age(since: datetime | None) -> str | None:
    """How long ago, by this machine's clock."""
    return None if since is None else duration(max(0.0, (datetime.now(UTC) - since).total_seconds()))


def _left(client: Client, name: str, patience: float) -> QueueInfo | int:
    """What is still in it after that many seconds; as soon as nothing is, how many runs wait parked."""
    try:
        return client.queues.drain(name, patience)
    except WaitTimeout:
        try:
            return client.queues.get(name)
        except QueueNotFound:
            return client.count(queue=name, status="WAITING")


def _told(info: QueueInfo) -> str:
    return f"{info.waiting} waiting, {info.delayed} delayed, {info.running} running" + (
        "; it is paused" if info.queue.paused else ""
    )


def _asked(target: Target, ask: Callable[[Client], Any]) -> Any:
    with client_of(target) as client:
        return ask(client)


def _say(out: Output, info: QueueInfo, sentence: str) -> None:
    out.document(queue_document(info)) if out.as_json else out.line(sentence)
