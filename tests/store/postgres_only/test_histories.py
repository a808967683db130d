"""Claims of runs whose histories do not fit into one answer."""

from uuid import UUID

import pytest

from stepwell.model.looking import RunFilter
from stepwell.model.rows import Batch, Claimed
from stepwell.store.postgres import PostgresStore, claims
from tests.store.conformance.kit import ROUTE, Execution, draw, step
from tests.store.postgres_only.conftest import Bystander
from tests.store.postgres_only.kit import new_run

STEPS = 10


async def claim(store: PostgresStore) -> list[Claimed]:
    return (await store.claim(draw(), [ROUTE], [], 10)).runs


@pytest.fixture
async def two_runs(store: PostgresStore) -> None:
    """Enqueued again after an execution that recorded ten outcomes of 300 bytes each."""
    await store.start([new_run(None), new_run(None)])
    for run in await claim(store):
        rows = [step(Execution(run.run_id, run.epoch), seq, output="x" * 300) for seq in range(STEPS)]
        await store.commit(Batch(checkpoints=rows))
        await store.request_cancel([run.run_id], "again", force=True, children=False)
        assert await store.resume(run.run_id)


@pytest.mark.parametrize("first_page", [1, 1000, 1_000_000])
async def test_what_does_not_come_with_the_claim_follows_in_pages(
    store: PostgresStore, two_runs: None, monkeypatch: pytest.MonkeyPatch, first_page: int
) -> None:
    monkeypatch.setattr(claims, "_FIRST_PAGE", first_page)
    monkeypatch.setattr(claims, "_PAGE", 1000)
    assert [[row.pos for row in run.history] for run in await claim(store)] == [list(range(STEPS))] * 2


async def test_many_runs_share_the_bytes_of_one_answer(
    store: PostgresStore, two_runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim of hundreds must not bring hundreds of full pages."""
    monkeypatch.setattr(claims, "_FIRST_PAGES", 10 * 400)
    pages: list[UUID] = []
    read_rest = store._read_rest

    async def noted(run: Claimed) -> bool:
        pages.append(run.run_id)
        return await read_rest(run)

    monkeypatch.setattr(store, "_read_rest", noted)
    runs = await claim(store)
    assert [len(run.history) for run in runs] == [STEPS] * 2
    assert pages == [run.run_id for run in runs], "each brought ten outcomes of 300 bytes in a share of 400"


def break_statement(store: PostgresStore, name: str, old: bytes, new: bytes) -> None:
    """Divide by zero where the server would meet one of its own limits."""
    sql = store._lanes._sql[name]
    assert old in sql
    store._lanes._sql[name] = sql.replace(old, new)


async def test_an_answer_that_cannot_be_made_is_asked_for_piecemeal(store: PostgresStore, two_runs: None) -> None:
    break_statement(store, "claims/take", b".history_of(c.run_id, ", b".history_of(c.run_id, 1 / 0 * ")
    assert [len(run.history) for run in await claim(store)] == [STEPS] * 2


async def test_a_history_that_cannot_be_read_blocks_its_run_only(store: PostgresStore, two_runs: None) -> None:
    (fresh,) = await store.start([new_run(None)])
    break_statement(store, "claims/take", b".history_of(c.run_id, ", b".history_of(c.run_id, 1 / 0 * ")
    break_statement(store, "claims/history", b"h.branch,", b"(h.seq / 0)::text,")
    assert [run.run_id for run in await claim(store)] == [fresh.run_id]
    blocked = await store.list_runs(RunFilter(status=("BLOCKED",)))
    assert [(run.reason or "").partition(":")[0] for run in blocked] == ["its history cannot be read"] * 2


@pytest.mark.slow
async def test_a_history_of_more_than_a_gigabyte_is_claimed(store: PostgresStore, bystander: Bystander) -> None:
    await store.start([new_run(None), new_run(None)])
    bystander.execute(
        "insert into stepwell.operation_outputs"
        " (run_id, fingerprint, elapsed, seq, pos, epoch, branch, name, kind, ended, output)"
        " select run_id, 1, 0, g, g, 1, '0', 's', 'step', 'ok', to_json(repeat('x', 8000000))::text"
        " from (select run_id from stepwell.workflow_status limit 1) r, generate_series(1, 150) g"
    )
    assert sorted(len(run.history) for run in await claim(store)) == [0, 150]
