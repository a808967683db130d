"""Page 3: when things fail. Retries are durable, failures keep their type, and a crash repeats nothing."""

import pytest

from stepwell import Retry, StepInterrupted, StepTimeout, Stepwell, current, step, workflow

tries: list[str] = []


@pytest.fixture(autouse=True)
def forget() -> None:
    tries.clear()


class CardDeclined(Exception):
    pass


@step(retry=Retry(5, first=0.01, never=CardDeclined))
def pay(card: str) -> str:
    tries.append(card)
    if card == "stolen":
        raise CardDeclined(card)
    if len(tries) < 3:
        raise ConnectionError("the bank is busy")
    return f"paid by {card}"


@workflow
def purchase(card: str) -> str:
    return pay(card)


def test_a_retry_is_an_option_of_the_step(database_url: str) -> None:
    with Stepwell(database_url):
        assert purchase("visa") == "paid by visa"
        assert tries == ["visa"] * 3


def test_what_the_caller_sees_is_the_exception_itself(database_url: str) -> None:
    with Stepwell(database_url):
        with pytest.raises(CardDeclined, match="stolen"):
            purchase.options(id="p")("stolen")
        with pytest.raises(CardDeclined, match="stolen"):  # also later, from what is recorded
            purchase.handle("p").result()
        assert tries == ["stolen"]


def test_a_process_that_goes_away_repeats_no_recorded_step(database_url: str) -> None:
    gone: list[bool] = []

    @step
    def print_label() -> None:
        if not gone:
            gone.append(True)
            raise SystemExit  # the process is told to stop, in the middle of a step

    @workflow(name="guide:parcel", replace=True)
    def parcel() -> str:
        receipt = pay("visa")
        print_label()
        return receipt

    with Stepwell(database_url):
        handle = parcel.start()
        assert handle.result() == "paid by visa"
        assert handle.status().attempts == 2  # two executions of the workflow,
        assert tries == ["visa"] * 3  # and one payment (its two failed attempts included)


def test_some_things_must_not_be_tried_twice(database_url: str) -> None:
    launched: list[int] = []

    @step(at_most_once=True)
    def launch_rocket() -> None:
        launched.append(1)
        raise SystemExit  # nobody knows what has happened

    @workflow(name="guide:rocket", replace=True)
    def mission() -> str:
        try:
            launch_rocket()
        except StepInterrupted:
            return "look up"
        return "launched"

    with Stepwell(database_url):
        assert mission.start().result() == "look up"
        assert launched == [1]


def test_outside_systems_get_a_key_that_stays_the_same(database_url: str) -> None:
    keys: list[str] = []

    @step(retry=Retry(2, first=0.01))
    def charge() -> None:
        keys.append(current().idempotency_key)  # send it along: the bank then charges once
        if len(keys) < 3:
            raise ConnectionError

    @workflow(name="guide:keys", replace=True)
    def charging() -> None:
        charge()

    with Stepwell(database_url):
        charging()
    assert len(keys) == 3
    assert len(set(keys)) == 1


async def test_a_step_may_have_a_timeout(database_url: str) -> None:
    import asyncio

    @step(timeout=0.05)
    async def hang() -> None:
        await asyncio.Event().wait()

    @workflow(name="guide:hanging", replace=True)
    async def hanging() -> str:
        try:
            await hang()
        except StepTimeout:
            return "gave up"
        return "never"

    async with Stepwell(database_url):
        assert await hanging() == "gave up"
