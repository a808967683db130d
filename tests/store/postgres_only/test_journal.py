"""When the group commit is one round trip, and when it needs its careful form."""

import pytest

from stepwell.model.rows import Batch, Committed, Verdict
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import PostgresStore, wire
from stepwell.store.postgres.commit_carefully import Attempt
from tests.store.conformance.kit import Execution, finish, intent, step
from tests.store.postgres_only.kit import begin, new_run


async def careful_form_used(batch: Batch, attempt: Attempt) -> Committed:
    raise AssertionError("this batch must not need the careful form")


async def test_a_whole_life_takes_the_fast_form(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store._journal._careful, "commit", careful_form_used)
    for size in (1, 2, 50):
        starts = [new_run() for _ in range(size)]
        runs = [Execution(new.run_id, 1) for new in starts]
        batch = Batch(
            starts=starts,
            intents=[intent(run, 0) for run in runs],
            checkpoints=[step(run, 0, settles_intent=True) for run in runs],
            finishes=[finish(run) for run in runs],
        )
        assert (await store.commit(batch)).all_written


async def test_a_cancellation_costs_the_careful_form_once(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await begin(store)
    await store.request_cancel([run.run_id], "enough", force=False, children=False)
    assert (await store.commit(Batch(checkpoints=[step(run, 0)]))).cancels == {run.run_id: "enough"}
    monkeypatch.setattr(store._journal._careful, "commit", careful_form_used)
    for seq in (1, 2):
        again = await store.commit(Batch(checkpoints=[step(run, seq), step(run, seq + 10)]))
        assert (again.all_written, again.cancels) == (True, {run.run_id: "enough"})
    assert (await store.commit(Batch(finishes=[finish(run, "CANCELLED")]))).all_written


async def test_a_cancellation_after_a_resume_is_reported_anew(store: PostgresStore) -> None:
    run = await begin(store)
    await store.request_cancel([run.run_id], "first", force=False, children=False)
    await store.commit(Batch(checkpoints=[step(run, 0)]))
    await store.commit(Batch(finishes=[finish(run, "CANCELLED")]))
    assert await store.resume(run.run_id)
    (claimed,) = (await store.claim(new_run().run_id, ["checkout||"], [], 1)).runs
    again = Execution(claimed.run_id, claimed.epoch)
    assert (await store.commit(Batch(checkpoints=[step(again, 1)]))).cancels == {}
    await store.request_cancel([run.run_id], "second", force=False, children=False)
    assert (await store.commit(Batch(checkpoints=[step(again, 2)]))).cancels == {run.run_id: "second"}


async def test_a_batch_that_the_server_would_hang_up_on(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await begin(store)
    monkeypatch.setattr(wire, "MESSAGE_LIMIT", 10_000)
    with pytest.raises(StoreFault) as caught:
        await store.commit(Batch(checkpoints=[step(run, seq, output="x" * 2_000) for seq in range(6)]))
    assert caught.value.kind is FaultKind.PAYLOAD
    for seq in range(6):
        committed = await store.commit(Batch(checkpoints=[step(run, seq, output="x" * 2_000)]))
        assert committed.all_written


@pytest.mark.parametrize("change", [{"seq": 2**31}, {"pos": 2**40}, {"fingerprint": 2**63}, {"output": "\ud800"}])
async def test_a_value_that_cannot_be_bound_is_a_payload_fault(store: PostgresStore, change: dict[str, object]) -> None:
    run = await begin(store)
    for rows in ([step(run, 0)], [step(run, 0), step(run, 1)]):
        for name, value in change.items():
            setattr(rows[-1], name, value)
        with pytest.raises(StoreFault) as caught:
            await store.commit(Batch(checkpoints=rows))
        assert caught.value.kind is FaultKind.PAYLOAD
    assert await store.list_steps(run.run_id) == []


async def test_verdicts_have_the_order_of_the_batch(store: PostgresStore) -> None:
    runs = [await begin(store) for _ in range(5)]
    lost = [Execution(run.run_id, 9) for run in runs]
    mixed = [row for pair in zip(reversed(runs), lost, strict=True) for row in pair]
    committed = await store.commit(Batch(checkpoints=[step(run, 0) for run in mixed]))
    assert committed.checkpoints == [Verdict.WRITTEN, Verdict.LOST] * 5
