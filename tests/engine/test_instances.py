"""Methods as workflows and steps: instances are known to other processes by a registered name."""

import pytest

from stepwell import ConfigurationError, Stepwell, UnregisteredInstance, UsageError, step, workflow
from tests.engine.kit import Exits, Gate, Lab, names

gates: list[Gate] = []


class Shop:
    def __init__(self, region: str) -> None:
        self.region = region
        self.exits = Exits(0)

    @step
    def charge(self, cents: int) -> str:
        self.exits()
        return f"{self.region}: {cents}"

    @step
    async def hold(self) -> None:
        if gates:
            await gates[-1].hold_async()

    @workflow
    def pay(self, cents: int) -> str:
        return self.charge(cents)

    @workflow
    async def pay_later(self, cents: int) -> str:
        await self.hold()
        return await self.charge.aio(cents)

    @workflow
    def twice(self, cents: int) -> list[str]:
        return [self.pay(cents), self.pay_later.sync(cents)]

    @staticmethod
    @workflow
    def nowhere(cents: int) -> int:
        return cents


class Market(Shop):
    """Inherits its workflows."""


@pytest.fixture(autouse=True)
def open_doors() -> None:
    gates.clear()


def test_methods_run_on_their_instance(engine: Stepwell) -> None:
    shop = Shop("eu")
    engine.register("eu", shop)
    assert shop.pay.options(id="p")(5) == "eu: 5"
    assert shop.pay_later.sync(6) == "eu: 6"
    assert shop.twice(7) == ["eu: 7", "eu: 7"]
    assert shop.pay.start(8).result() == "eu: 8"
    assert Shop.nowhere(9) == shop.nowhere(9) == 9
    assert names(engine.handle("p")) == ["Shop.charge"]


def test_each_instance_runs_its_own(engine: Stepwell) -> None:
    shops = {region: Shop(region) for region in ("eu", "us")}
    for region, shop in shops.items():
        engine.register(region, shop)
    handles = [shops[region].pay.start(1) for region in ("eu", "us", "eu")]
    assert [each.result() for each in handles] == ["eu: 1", "us: 1", "eu: 1"]


def test_a_replay_finds_the_instance_by_its_name(engine: Stepwell) -> None:
    shop = Shop("eu")
    shop.exits = Exits(2)
    engine.register("eu", shop)
    assert shop.pay.start(5).result() == "eu: 5"


def test_another_process_runs_it_on_its_own_instance_of_that_name(lab: Lab) -> None:
    gates.append(Gate())
    with lab.engine() as first:
        here = Shop("first")
        first.register("main", here)
        here.pay_later.sync.options(id="p").start(5)
        gates[-1].reached.wait()
        first.close(drain=0)
    gates[-1].open()
    second = lab.engine()
    second.register("main", Shop("second"))
    with second:
        assert second.handle("p").result() == "second: 5"


def test_without_that_instance_it_stays_enqueued(lab: Lab) -> None:
    with lab.engine() as first:
        here = Shop("first")
        first.register("main", here)
        here.pay.options(id="p", delay=3600).start(5)
    with lab.engine() as second:
        assert second.handle("p").status().status == "ENQUEUED"
        second.register("main", here)  # also while it runs
        assert here.pay.start(6).result() == "first: 6"


def test_an_inherited_method(engine: Stepwell) -> None:
    market = Market("eu")
    engine.register("market", market)
    assert market.pay.start(5).result() == "eu: 5"


def test_an_unregistered_instance_is_refused_before_any_effect(engine: Stepwell) -> None:
    shop = Shop("eu")
    for call in (shop.pay, shop.pay.start, shop.pay_later.sync, shop.twice.options(id="t").start):
        with pytest.raises(UnregisteredInstance, match=r"Shop.*engine\.register"):
            call(5)  # type: ignore[operator]
    assert engine.count() == 0


def test_names_are_for_one_instance(engine: Stepwell) -> None:
    shop = Shop("eu")
    engine.register("eu", shop)
    engine.register("eu", shop)
    with pytest.raises(ConfigurationError, match="eu"):
        engine.register("eu", Shop("eu"))
    with pytest.raises(ConfigurationError, match="eu"):
        engine.register("us", shop)


def test_registered_for_one_engine_only(lab: Lab) -> None:
    one, two = lab.launch("one"), lab.launch("two")
    shop = Shop("eu")
    one.register("eu", shop)
    assert shop.pay.options(engine=one)(5) == "eu: 5"
    with pytest.raises(UnregisteredInstance):
        shop.pay.options(engine=two)(5)


def test_from_the_class_there_is_no_instance(engine: Stepwell) -> None:
    with pytest.raises(UsageError, match=r"Shop\.pay"):
        Shop.pay.start(5)  # type: ignore[arg-type, call-arg]
