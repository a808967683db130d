"""A `def` workflow is called while its engine closes: the caller is told, and never left waiting."""

from collections.abc import Iterator

import pytest

from stepwell import NoRunningEngine, Settings, Stepwell, step, workflow
from stepwell.core.runtime import Runtime
from tests.engine.kit import QUICK, Gate, Signal, in_thread

calling, leaving, in_body = Gate(), Gate(), Signal()


@pytest.fixture(autouse=True)
def fresh() -> None:
    global calling, leaving, in_body
    calling, leaving, in_body = Gate(), Gate(), Signal()


class Slow:
    """A codec: a call stands in it after it has found its engine, and before its run is known there."""

    codec_id = "slow"
    held = False

    def encode(self, text: str) -> str:
        if not self.held:
            self.held = True
            calling.hold()
        return text

    def decode(self, text: str) -> str:
        return text


class Lingering(Stepwell):
    """Stands between the last round of its drain and its goodbye."""

    async def _farewell(self, runtime: Runtime) -> None:
        await leaving.hold_async()
        await super()._farewell(runtime)


@pytest.fixture
def engine(database_url: str) -> Iterator[Stepwell]:
    engine = Lingering(database_url, serializer=Slow(), settings=Settings(**{**QUICK, "drain": 0.1}))
    yield engine
    calling.open()
    leaving.open()
    engine.close()


@step
def one() -> None:
    in_body.set()


@step
def two() -> None: ...


@workflow
def late() -> None:
    one()
    two()


@pytest.mark.parametrize("options", [{}, {"id": "late"}], ids=["drawn-id", "given-id"])
def test_a_call_that_comes_after_the_last_round_of_the_drain_ends(engine: Stepwell, options: dict[str, str]) -> None:
    engine.launch()
    call = in_thread(lambda: late.options(**options)())
    calling.reached.wait()
    closing = in_thread(engine.close)
    leaving.reached.wait()
    calling.open()
    in_body.wait()  # nobody writes what it records: the journal has ended
    leaving.open()
    closing.result()
    with pytest.raises(NoRunningEngine):
        call.result()


def test_a_call_that_comes_when_the_engine_is_gone_ends(engine: Stepwell) -> None:
    engine.launch()
    call = in_thread(late)
    calling.reached.wait()
    leaving.open()
    engine.close()
    calling.open()
    with pytest.raises(NoRunningEngine):
        call.result()
    assert not in_body.is_set
