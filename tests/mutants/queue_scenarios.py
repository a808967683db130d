"""What queues promise, as the stores' own tests say it: each scenario is a few of those, on a database of its own."""

import asyncio
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from stepwell.store.api import Store, StoreIdentity
from tests.mutants.mutants import Scenario
from tests.store.conformance import (
    test_coalescing,
    test_dedup,
    test_expiry,
    test_queue_fairness,
    test_queue_limits,
    test_queue_partitions,
    test_queue_rates,
)
from tests.store.conformance.databases import Database, PostgresDatabase, SQLiteDatabase
from tests.store.conformance.kit import World

Test = Callable[[World], Awaitable[None]]


def _scenario(*tests: Test) -> Scenario:
    def scenario(database: str | None = None) -> None:
        if database is not None:
            postgres = PostgresDatabase(database)
            try:
                _all(postgres, tests)
            finally:
                postgres.close()
            return
        for test in tests:
            with tempfile.TemporaryDirectory() as directory:
                _all(SQLiteDatabase(Path(directory) / "stepwell.db"), [test])

    scenario.__name__ = tests[0].__name__.removeprefix("test_")
    return scenario


def _all(database: Database, tests: Any) -> None:
    for test in tests:
        try:
            asyncio.run(_one(database, test))
        except (AssertionError, ValueError) as error:  # ValueError: more or fewer runs than the test unpacks
            line = traceback.extract_tb(error.__traceback__)[-1].line
            raise AssertionError(f"{test.__name__}: {line}") from error


async def _one(database: Database, test: Test) -> None:
    async with AsyncExitStack() as stack:

        async def opened(identity: StoreIdentity) -> Store:
            store = database.store(identity)
            stack.push_async_callback(store.close)
            await store.open()
            return store

        await database.prepare()
        await test(World(await opened(StoreIdentity()), database.clock, opened))


concurrency = _scenario(test_queue_limits.test_concurrency_counts_what_all_processes_own)
race = _scenario(test_queue_limits.test_two_processes_race_for_the_last_slot)
worker_concurrency = _scenario(test_queue_limits.test_worker_concurrency_counts_what_one_process_owns)
paused = _scenario(test_queue_limits.test_a_paused_queue_starts_nothing_and_lets_others_go)
places_for_others = _scenario(
    test_queue_limits.test_a_long_queue_with_limits_leaves_places_for_others,
    test_queue_limits.test_a_long_queue_without_limits_leaves_places_for_others,
)
rate = _scenario(test_queue_rates.test_no_more_than_the_limit_in_a_period)
resumed_at_a_rate = _scenario(test_queue_rates.test_what_has_run_before_passes_a_rate_that_is_shut)
opening = _scenario(test_queue_rates.test_when_it_opens_is_told_exactly)
partitions = _scenario(test_queue_partitions.test_each_partition_has_its_own_concurrency)
resumed_in_partitions = _scenario(test_queue_partitions.test_what_is_resumed_counts_in_its_partition)
turns = _scenario(test_queue_partitions.test_one_slot_goes_around)
share = _scenario(test_queue_fairness.test_a_claim_that_used_up_its_share_alone_says_that_there_is_more)
going_on = _scenario(test_queue_fairness.test_a_queue_that_only_goes_on_lets_others_begin)
other_routes = _scenario(test_queue_fairness.test_claims_of_other_routes_take_no_turn_away)
dedup = _scenario(test_dedup.test_a_second_start_attaches_to_the_first)
expiry = _scenario(test_expiry.test_a_run_that_has_not_started_in_time_never_does)
batches = _scenario(test_coalescing.test_no_item_is_lost_or_doubled_however_many_add_at_once)
lost_answers = _scenario(
    test_coalescing.test_an_item_of_a_start_that_was_not_answered_is_there_once,
    test_coalescing.test_a_start_that_was_superseded_since_does_not_supersede_again,
)
