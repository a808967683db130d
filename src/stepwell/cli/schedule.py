"""`stepwell schedule`: looking at schedules, and changing them while everything runs."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from stepwell.cli.arguments import parse_call
from stepwell.cli.ask import client_like, client_of
from stepwell.cli.load import load_workflow, only_engine
from stepwell.cli.options import Duration, Moment, Target, with_database, with_json
from stepwell.cli.output import Output, duration
from stepwell.client import Client
from stepwell.core.schedule import Schedule
from stepwell.model.schedules import ScheduleInfo, Tick

T = TypeVar("T")


@click.group()
def schedule() -> None:
    """Look at schedules; make, pause, trigger, backfill and delete them."""


@schedule.command("list")
@with_database
@with_json
def list_(target: Target, out: Output) -> None:
    """All schedules, by name."""
    with client_of(target) as client:
        found = client.schedules.list()
    if out.as_json:
        out.document({"schedules": [asdict(info) for info in found]})
        return
    if not found:
        out.line("no schedules")
        return
    out.table(
        ("schedule", "when", "zone", "workflow", "queue", "state", "next", "last"),
        [
            (
                info.name,
                _when(info),
                info.tz,
                info.workflow,
                info.queue,
                _state(info),
                None if info.paused else info.next_fire,
                info.last_fire,
            )
            for info in found
        ],
    )


@schedule.command()
@click.argument("name")
@with_database
@with_json
def show(target: Target, out: Output, name: str) -> None:
    """One schedule, with its next ticks."""
    with client_of(target) as client:
        info = client.schedules.get(name)
        ticks = client.schedules.next_fires(name, 3)
    if out.as_json:
        out.document({**asdict(info), "next_fires": _ticks_document(ticks)})
        return
    shown = asdict(info)
    for kind in ("cron", "every", "at"):
        del shown[kind]
    shown |= {"attributes": info.attributes or None, "paused": "yes" if info.paused else None}
    shown["jitter"] = info.jitter or None
    shown["is_declared"] = "by code" if info.is_declared else "no"
    out.pairs(
        [
            ("name", shown.pop("name")),
            ("when", _when(info)),
            *((name.replace("_", " "), value) for name, value in shown.items()),
            *(("tick", _tick(tick)) for tick in ticks),
        ]
    )


@schedule.command("next")
@click.argument("name")
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="Of ticks.")
@with_database
@with_json
def next_(target: Target, out: Output, name: str, count: int) -> None:
    """The ticks to come, in the schedule's time zone, and what changes of the clocks do to them."""
    with client_of(target) as client:
        ticks = client.schedules.next_fires(name, count)
    _print_ticks(out, name, ticks)


@schedule.command()
@click.argument("name")
@click.argument("workflow", metavar="MODULE:WORKFLOW")
@click.argument("arguments", nargs=-1)
@click.option("--cron", metavar="EXPRESSION", help="minute hour day month weekday; six fields: the second first.")
@click.option("--every", type=Duration(), help="Seconds, or 90s, 5m, 2h.")
@click.option("--at", type=Moment(), help="Once: 2030-01-31T12:00.")
@click.option("--tz", default="UTC", show_default=True, help="The IANA time zone of --cron, like Europe/Berlin.")
@click.option("-k", "--keyword", "keywords", multiple=True, metavar="NAME=VALUE", help="A keyword argument.")
@click.option("--catch-up", type=click.Choice(["latest", "skip", "all"]), default="latest", show_default=True)
@click.option("--overlap", type=click.Choice(["skip", "queue", "cancel", "allow"]), default="skip", show_default=True)
@click.option("--jitter", type=Duration(), default=0.0, help="Runs begin up to so much later.")
@click.option("--queue", help="The queue of its runs.")
@click.option("--paused", is_flag=True, help="It begins with `schedule resume`.")
@with_json
def create(
    out: Output,
    name: str,
    workflow: str,
    arguments: tuple[str, ...],
    keywords: tuple[str, ...],
    queue: str | None,
    **fields: Any,
) -> None:
    """A new schedule NAME that starts MODULE:WORKFLOW with these ARGUMENTS.

    Made with the engine of the module, on its database and under its name: its processes fire it.
    """
    module, fn = load_workflow(workflow)
    args, kwargs = parse_call(fn.definition, arguments, keywords)
    given = {option: value for option, value in fields.items() if value is not None}
    made = Schedule(name, call=fn.options(queue=queue).bind(*args, **kwargs), **given)
    with client_like(only_engine(module)) as client:
        info = client.schedules.create(made)
    _say(out, info, f"{name} starts {info.workflow} {_when(info)}; next {_moment(info.next_fire)}")


@schedule.command()
@click.argument("name")
@with_database
@with_json
def pause(target: Target, out: Output, name: str) -> None:
    """No tick is due from now on; what runs goes on."""
    info = _changed(target, lambda client: client.schedules.pause(name))
    _say(out, info, f"{name} is paused")


@schedule.command()
@click.argument("name")
@with_database
@with_json
def resume(target: Target, out: Output, name: str) -> None:
    """Go on with the next tick from now; those of the pause are not made up for."""
    info = _changed(target, lambda client: client.schedules.resume(name))
    _say(out, info, f"{name} goes on; next {_moment(info.next_fire)}")


@schedule.command()
@click.argument("name")
@with_database
@with_json
def trigger(target: Target, out: Output, name: str) -> None:
    """Start a run now, beside the timetable."""
    with client_of(target) as client:
        handle = client.schedules.trigger(name)
        document = {"schedule": name, "workflow_id": handle.id, "run_id": handle.run_id}
    out.document(document) if out.as_json else out.line(f"{handle.id} is started")


@schedule.command()
@click.argument("name")
@click.option("--start", type=Moment(), required=True, help="From then on: 7d (ago), or 2026-03-01.")
@click.option("--end", type=Moment(), help="Up to before then. Default: now.")
@click.option("--preview", is_flag=True, help="Only show the ticks.")
@with_database
@with_json
def backfill(target: Target, out: Output, name: str, start: datetime, end: datetime | None, preview: bool) -> None:
    """Start the runs of all ticks of a range; those that are there already are not started again."""
    with client_of(target) as client:
        until = end or datetime.now(UTC)
        if preview:
            _print_ticks(out, name, client.schedules.backfill(name, start, until, preview=True))
            return
        ids = [handle.id for handle in client.schedules.backfill(name, start, until)]
    if out.as_json:
        out.document({"schedule": name, "workflow_ids": ids})
        return
    for id in ids:
        out.line(id)
    out.note(f"{len(ids)} ticks of {name}")


@schedule.command()
@click.argument("name")
@with_database
@with_json
def delete(target: Target, out: Output, name: str) -> None:
    """Remove a schedule; its runs stay. One that code declares comes back with the next launch."""
    _changed(target, lambda client: client.schedules.delete(name))
    out.document({"schedule": name, "deleted": True}) if out.as_json else out.line(f"{name} is deleted")


def _changed(target: Target, change: Callable[[Client], T]) -> T:
    with client_of(target) as client:
        return change(client)


def _say(out: Output, info: ScheduleInfo, sentence: str) -> None:
    out.document(asdict(info)) if out.as_json else out.line(sentence)


def _when(info: ScheduleInfo) -> str:
    if info.cron is not None:
        return info.cron
    return f"every {duration(info.every)}" if info.every is not None else f"at {_moment(info.at)}"


def _state(info: ScheduleInfo) -> str:
    return "paused" if info.paused else "over" if info.next_fire is None else "on"


def _moment(at: datetime | None) -> str:
    return "never" if at is None else at.astimezone().isoformat(sep=" ", timespec="seconds")


def _tick(tick: Tick) -> str:
    return f"{tick.at.isoformat(sep=' ')}" + (f" ({tick.mark})" if tick.mark else "")


def _ticks_document(ticks: list[Tick]) -> list[dict[str, Any]]:
    return [{"at": tick.at.isoformat(), "utc": tick.at, "mark": tick.mark} for tick in ticks]


def _print_ticks(out: Output, name: str, ticks: list[Tick]) -> None:
    if out.as_json:
        out.document({"schedule": name, "ticks": _ticks_document(ticks)})
    elif not ticks:
        out.line("no ticks")
    else:
        for tick in ticks:
            out.line(_tick(tick))
