"""Between a process and its server while limits hold: claims that are cut everywhere, and a pooler in between."""

import shutil

import pytest

from stepwell import Client, Queue, Rate
from tests.faults.apps.limited import job
from tests.faults.kit.child import quick
from tests.faults.kit.claim_cutter import STATEMENTS, ClaimCutter, Cut
from tests.faults.kit.ledger import Ledger, most_within, starts
from tests.faults.kit.pgbouncer import PgBouncer
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew, Worker

pytestmark = pytest.mark.parametrize("place", ["postgres"], indirect=True)

PARTITIONS = 6
QUEUES = [
    Queue("whole", concurrency=5),
    Queue("rate", rate=Rate(15, per=1.0)),
    Queue("parts", partition_concurrency=1, partition_rate=Rate(6, per=1.0)),
]

CUTS = [
    *(Cut("request", statements) for statements in range(STATEMENTS)),
    Cut("commit"),
    *(Cut("answer", statements) for statements in (0, STATEMENTS - 1, STATEMENTS)),
    Cut("answer", all_but_last=True),
]

#: A claim of which a process does not know is given back after two of these, at the next sweeps.
DEADLINE_SECONDS = 1.0


def test_claims_that_are_cut_anywhere_lose_no_run_and_no_place(place: Place, crew: Crew, client: Client) -> None:
    ledger = _queues_of(place, client)
    with ClaimCutter(place.url, CUTS, spared=2) as cutter:
        unlucky = crew.serving("limited", role="unlucky", url=cutter.url, call_deadline=DEADLINE_SECONDS)
        other = crew.serving("limited", role="other")
        _start_all(other, 50)
        _all_end(place)
        assert cutter.left == [], "some cuts found no claim"
        assert cutter.undone_runs > 0
        assert cutter.lost_runs >= 4
        back = ledger.given_back()
        assert back.total() >= cutter.lost_runs, "some were never found again, or not by the audit"
        assert place.sql("select sum(attempts - 1), max(recoveries) from workflow_status") == [(back.total(), 0)]
        _nothing_is_exceeded_or_lost(place, ledger)
        _all_places_are_free(client)
        for worker in (unlucky, other):
            worker.leave()
            assert "Traceback" not in worker.log.read_text(), worker.story()


def test_limits_hold_through_a_pooler_that_gives_every_transaction_another_connection(
    place: Place, crew: Crew, client: Client
) -> None:
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian, Ubuntu: apt-get install pgbouncer)")
    ledger = _queues_of(place, client)
    with PgBouncer(program, place.url, pool_size=3) as pooler, Client(pooler.url, settings=quick()) as outside:
        workers = [crew.serving("limited", role=name, url=pooler.url) for name in ("a", "b")]
        _start_all(workers[0], 30)
        _all_end(place)
        assert [worker.ask("hears") for worker in workers] == [False, False]
        assert place.sql("select count(*) from pg_stat_activity where query ilike 'listen%'") == [(0,)]
        _nothing_is_exceeded_or_lost(place, ledger)
        assert place.sql("select max(attempts) from workflow_status") == [(1,)]
        assert {pid for pid, *_ in place.effects()} == {worker.pid for worker in workers}
        _all_places_are_free(outside)
        for worker in workers:
            worker.leave()
            assert "database trouble" not in worker.log.read_text(), worker.story()


def _queues_of(place: Place, client: Client) -> Ledger:
    for queue in QUEUES:
        client.queues.create(queue)
    return Ledger(place)


def _start_all(starter: Worker, number: int) -> None:
    """So many in each queue."""
    for queue in QUEUES:
        starter.ask("start", queue.name, number, {"queue": queue.name}, PARTITIONS if queue.name == "parts" else 0)


def _all_end(place: Place) -> None:
    eventually(lambda: set(place.statuses()) == {"SUCCESS"}, timeout=40)


def _nothing_is_exceeded_or_lost(place: Place, ledger: Ledger) -> None:
    assert ledger.most("whole") == 5
    assert ledger.most("parts", of="partition_key") == 1
    assert most_within(starts(place, "rate"), 1.0) == 15
    for partition in range(PARTITIONS):
        assert most_within(starts(place, "parts", f"p{partition}"), 1.0) <= 6
    done = place.count_effects()
    assert set(done.values()) == {1}, "what was claimed and not known to its owner has not begun"
    assert place.sql("select count(*) from workflow_status") == [(len(done),)]


def _all_places_are_free(client: Client) -> None:
    """As many as there are places begin: no place is lost, and who is not told of the starts looks for them."""
    for info in client.queues.list():
        assert (info.running, info.waiting, info.delayed) == (0, 0, 0), info
    again = [job.options(queue="whole", id=f"again-{number}", engine=client).start("again") for number in range(5)]
    again += [
        job.options(queue="parts", partition=f"p{number}", id=f"anew-{number}", engine=client).start("again")
        for number in range(PARTITIONS)
    ]
    for handle in again:
        handle.result(timeout=10)
