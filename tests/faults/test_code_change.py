"""Runs that are under way when the code changes: they go on with code that fits what they did, or wait for it."""

from pathlib import Path

from stepwell import Client
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew

#: What both versions of the shop share. `hold` ends in all processes but the first, so that runs are under way there.
HEAD = """
import asyncio
import threading
from dataclasses import dataclass

from stepwell import step, workflow
from tests.faults.kit.child import effect, make_engine, obey, role, say


@step
def take(run: str, sku: str, count: int) -> str:
    effect(run, "take", sku, count)
    return f"{count} {sku}"


@step
def hold(run: str) -> str:
    effect(run, "hold")
    if role() == "old":
        say("holding", run)
        threading.Event().wait()
    return "held"


@step
def pack(run: str, order: "Order") -> str:
    effect(run, "pack", order.sku)
    return f"packed {order.sku}"

"""

OLD = """
SKUS = ["anvil", "rope"]


@dataclass
class Order:
    sku: str


@workflow
def swapped(run: str) -> list[str]:
    return [take(run, "anvil", 1), take(run, "rope", 2), hold(run)]


@workflow
async def swapped_async(run: str) -> list[str]:
    return [*await asyncio.gather(take.aio(run, "anvil", 1), take.aio(run, "rope", 2)), await hold.aio(run)]


@workflow
def inserted(run: str) -> list[str]:
    return [take(run, "anvil", 1), take(run, "rope", 2), hold(run)]


@workflow
async def inserted_async(run: str) -> list[str]:
    return [await take.aio(run, "anvil", 1), await pack.aio(run, Order("rope")), await hold.aio(run)]


@workflow
def removed(run: str) -> list[str]:
    return [take(run, "anvil", 1), pack(run, Order("rope")), hold(run)]


@workflow
async def removed_async(run: str) -> list[str]:
    return [await take.aio(run, "anvil", 1), await pack.aio(run, Order("rope")), await hold.aio(run)]


@workflow
def cut_off(run: str) -> list[str]:
    return [take(run, "anvil", 1), take(run, "rope", 2), hold(run)]


@workflow
async def cut_off_async(run: str) -> list[str]:
    return [await take.aio(run, "anvil", 1), await take.aio(run, "rope", 2), await hold.aio(run)]


@workflow
def by_global(run: str) -> list[str]:
    return [*[take(run, sku, 1) for sku in SKUS], hold(run)]


@workflow
def new_default(run: str) -> list[str]:
    return [pack(run, Order("anvil")), hold(run)]


@workflow
async def new_default_async(run: str) -> list[str]:
    return [await pack.aio(run, Order("anvil")), await hold.aio(run)]

"""

NEW = """
SKUS = ["rope", "anvil"]


@dataclass
class Order:
    sku: str
    gift: bool = False


@workflow
def swapped(run: str) -> list[str]:
    return [take(run, "rope", 2), take(run, "anvil", 1), hold(run)]


@workflow
async def swapped_async(run: str) -> list[str]:
    return [*await asyncio.gather(take.aio(run, "rope", 2), take.aio(run, "anvil", 1)), await hold.aio(run)]


@workflow
def inserted(run: str) -> list[str]:
    return [take(run, "anvil", 1), pack(run, Order("tape")), take(run, "rope", 2), hold(run)]


@workflow
async def inserted_async(run: str) -> list[str]:
    first = await take.aio(run, "anvil", 1)
    return [first, await take.aio(run, "tape", 3), await pack.aio(run, Order("rope")), await hold.aio(run)]


@workflow
def removed(run: str) -> list[str]:
    return [take(run, "anvil", 1), hold(run)]


@workflow
async def removed_async(run: str) -> list[str]:
    return [await take.aio(run, "anvil", 1), await hold.aio(run)]


@workflow
def cut_off(run: str) -> list[str]:
    return [take(run, "anvil", 1)]


@workflow
async def cut_off_async(run: str) -> list[str]:
    return [await take.aio(run, "anvil", 1)]


@workflow
def by_global(run: str) -> list[str]:
    return [*[take(run, sku, 1) for sku in SKUS], hold(run)]


@workflow
def new_default(run: str) -> list[str]:
    return [pack(run, Order("anvil")), hold(run)]


@workflow
async def new_default_async(run: str) -> list[str]:
    return [await pack.aio(run, Order("anvil")), await hold.aio(run)]

"""

TAIL = """
ALL = [swapped, swapped_async, inserted, inserted_async, removed, removed_async, cut_off, cut_off_async,
       by_global, new_default, new_default_async]


def start_all() -> list[str]:
    for each in ALL:
        run = each.definition.fn.__name__
        each.sync.options(id=run).start(run)
    return [each.definition.fn.__name__ for each in ALL]


if __name__ == "__main__":
    engine = make_engine(drain=0.1)
    engine.bus.subscribe(lambda event: event.name == "replay.drift" and say("drift", event.fields["workflow_id"]))
    obey(engine, start_all=start_all)
"""

DEFAULTS = {"new_default", "new_default_async"}
#: Whose second step, in the old code, packs.
PACKED = {"inserted_async", "removed", "removed_async"}


def test_code_that_does_not_fit_blocks_a_run_until_code_comes_that_does(
    place: Place, crew: Crew, client: Client
) -> None:
    old_script, new_script = (place.directory / version / "shop.py" for version in ("old", "new"))
    for script, body in ((old_script, OLD), (new_script, NEW)):
        script.parent.mkdir()
        script.write_text(HEAD + body + TAIL)
    runs = _under_way(crew, old_script)
    done_before = place.effects()

    new = crew.run_script(new_script, role="new")
    new.expect("up")
    eventually(lambda: place.statuses() == {"BLOCKED": len(runs) - 2, "SUCCESS": 2})
    for run in DEFAULTS:
        assert client.handle(run).result(timeout=10) == ["packed anvil", "held"]
    assert {new.expect("drift")[0] for _ in DEFAULTS} == DEFAULTS, "a new default field is only worth an event"
    for run in runs - DEFAULTS:
        assert place.run(run).status == "BLOCKED"
        assert "replay mismatch at operation" in str(place.run(run).reason)
        assert "BLOCKED: replay mismatch" in client.explain(run)
    assert "'pack'" in str(place.run("inserted").reason), "the reason names what the code called instead"
    assert "without calling" in str(place.run("cut_off").reason)
    by_new = [words for pid, *words in place.effects() if pid == new.pid]
    assert sorted(by_new) == sorted([run, "hold"] for run in DEFAULTS), "it acted on data of other places"

    # To try again with the same code changes nothing.
    client.resume("inserted")
    eventually(lambda: place.run("inserted").status == "BLOCKED" and place.run("inserted").attempts == 3)
    new.leave()

    # The old code is back. It tries what other code has given up; what had the same code needs a word.
    again = crew.run_script(old_script, role="again")
    again.expect("up")
    for run in runs - DEFAULTS - {"by_global"}:
        second = "packed rope" if run in PACKED else "2 rope"
        assert client.handle(run).result(timeout=20) == ["1 anvil", second, "held"]
    assert place.run("by_global").status == "BLOCKED"
    assert client.resume("by_global").result(timeout=20) == ["1 anvil", "1 rope", "held"]
    by_again = [words for pid, *words in place.effects() if pid == again.pid]
    assert sorted(by_again) == sorted([run, "hold"] for run in runs - DEFAULTS), "it repeated recorded steps"
    assert len(place.effects()) == len(done_before) + len(by_new) + len(by_again)
    again.leave()


def _under_way(crew: Crew, script: Path) -> set[str]:
    """One run of everything, each with two recorded steps, released by a process that is gone."""
    old = crew.run_script(script, role="old")
    old.expect("up")
    runs = set(old.ask("start_all"))
    assert {old.expect("holding")[0] for _ in runs} == runs
    old.leave()
    return runs
