"""Payloads are text, and come back as they went in."""

import json

import pytest

from stepwell.store.faults import FaultKind, StoreFault
from tests.store.conformance.kit import World, finish, step

TEXTS = {
    "nul": json.dumps("a\0b"),
    "lone surrogate": json.dumps("\ud800"),
    "astral": json.dumps("\N{WATER WAVE}", ensure_ascii=False),
    "key order": '{"z": 1, "a": {"y": 2, "b": 3}}',
    "same key twice": '{"a": 1, "a": 2}',
    "spaces and numbers": '{"n":1.0,   "big":12345678901234567890123, "e":1e400}',
    "quotes and backslashes": json.dumps("'\"\\\\\n\t${x} %s :name ?"),
    "a codec's text": "gz:H4sIAAAAAAAC/+8=",
    "long": json.dumps("x" * 300_000),
    "empty": "",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_a_payload_comes_back_byte_for_byte(world: World, text: str) -> None:
    run = await world.begin(input=text)
    await world.written(step(run, 0, output=text), step(run, 1, output=None, error=text, ended="error"))
    await world.release(run)
    claimed = await world.claim_one()
    assert claimed.input == text
    assert [claimed.history[0].output, claimed.history[1].error] == [text, text]
    await world.written(finish(claimed, output=text))
    (outcome,) = await world.store.outcomes([run.run_id])
    assert outcome.output == text
    assert [row.output for row in await world.store.list_steps(run.run_id)] == [text, None]


async def test_names_and_ids_are_any_text(world: World) -> None:
    name = "módulo:función 'x' \"y\" \\ %s :a $1 \N{WATER WAVE}"
    run = await world.begin(workflow_id=name, name=name, route=name)
    await world.written(step(run, 0, name=name, branch="0.10"))
    found = await world.store.find_run(name)
    assert found is not None
    assert (found.name, found.route) == (name, name)
    assert (await world.store.list_steps(run.run_id))[0].name == name
    await world.release(run)
    assert (await world.claim_one(routes=[name])).workflow_id == name


@pytest.mark.parametrize("fingerprint", [0, 1, -1, 2**63 - 1, -(2**63)])
async def test_fingerprints_have_64_bits(world: World, fingerprint: int) -> None:
    run = await world.begin()
    await world.written(step(run, 0, fingerprint=fingerprint))
    await world.release(run)
    assert (await world.claim_one()).history[0].fingerprint == fingerprint


async def test_a_value_that_the_database_refuses_is_a_payload_fault(world: World) -> None:
    poisoned, good = await world.begin(), await world.begin()
    with pytest.raises(StoreFault) as caught:
        await world.commit(step(good, 0), step(poisoned, 0, output='"secret \ud800"'))
    assert caught.value.kind is FaultKind.PAYLOAD
    assert "secret" not in str(caught.value)
    assert await world.store.list_steps(good.run_id) == [], "the whole batch is refused: the caller bisects"
    await world.written(step(good, 0))
