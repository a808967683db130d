"""What decorated functions look like, and to what their calls go. The far side of `core.call` is recorded."""

import asyncio
import copy
import inspect
import pickle
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, get_type_hints
from unittest.mock import create_autospec

import pytest

from stepwell.core import call
from stepwell.core.registry import REGISTRY
from stepwell.decorators import AsyncStep, AsyncWorkflow, Step, Workflow, step, workflow
from stepwell.errors import ConfigurationError, DuplicateDefinition, InvalidArgument, UsageError
from stepwell.model.options import CallOptions
from stepwell.model.retry import Retry

BLOCKING = ("call_workflow", "start_workflow", "call_step", "submit_step", "map_step", "start_many")
AWAITED = (
    "call_workflow_async",
    "start_workflow_async",
    "call_step_async",
    "map_step_async",
    "start_many_async",
)


@workflow
def checkout(order_id: str, cents: int = 0) -> str:
    """Sells."""
    return f"{order_id} {cents}"


@workflow(version="2", timeout=60, queue="reading")
async def digest(urls: list[str]) -> list[str]:
    """Reads."""
    return urls


@step(retry=3)
def charge(order_id: str) -> str:
    """Takes money."""
    return order_id


@step
async def fetch(url: str) -> bytes:
    """Gets."""
    return url.encode()


@dataclass
class Shop:
    region: str

    @workflow
    def pay(self, cents: int) -> str:
        """Pays."""
        return f"{self.region} {cents}"

    @workflow
    async def pay_later(self, cents: int) -> str:
        return f"{self.region} {cents}"

    @step
    def bill(self, cents: int) -> str:
        return f"{self.region} {cents}"

    @step
    async def bill_later(self, cents: int) -> str:
        return f"{self.region} {cents}"

    @staticmethod
    @workflow
    def audit(year: int) -> int:
        return year

    @step
    def lost(year: int) -> int:  # @staticmethod was forgotten
        return year


ALL: list[Any] = [checkout, digest, charge, fetch]
METHODS = ("pay", "pay_later", "bill", "bill_later")


@dataclass
class Called:
    """One delegated call."""

    verb: str
    arguments: tuple[Any, ...]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Called]:
    """Every call that reaches `core.call` instead of being executed there; each returns its own verb."""
    seen: list[Called] = []

    def recorder(verb: str) -> Callable[..., Any]:
        def record(*arguments: Any) -> Any:
            seen.append(Called(verb, arguments))
            many = verb.startswith(("start_many", "map"))
            return [verb] if many else verb

        return record

    def awaited(verb: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        record = recorder(verb)

        def now(*arguments: Any) -> Coroutine[Any, Any, Any]:
            answer = record(*arguments)

            async def later() -> Any:
                return answer

            return later()

        return now

    for verb in BLOCKING:
        monkeypatch.setattr(call, verb, recorder(verb))
    for verb in AWAITED:
        monkeypatch.setattr(call, verb, awaited(verb))
    return seen


# -- what they look like -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "cls"),
    [(checkout, Workflow), (digest, AsyncWorkflow), (charge, Step), (fetch, AsyncStep)],
    ids=repr,
)
def test_each_kind_and_colour_is_a_class(made: Any, cls: type) -> None:
    assert isinstance(made, cls)


@pytest.mark.parametrize("view", ["", "aio", "sync", "options"])
def test_every_view_keeps_the_functions_face(view: str) -> None:
    for made in ALL:
        fn = made.__wrapped__
        shown = made if not view else made.options() if view == "options" else getattr(made, view)
        assert (shown.__name__, shown.__qualname__, shown.__module__) == (
            fn.__name__,
            fn.__qualname__,
            __name__,
        )
        assert shown.__doc__ == fn.__doc__
        assert inspect.signature(shown) == inspect.signature(fn)
        assert get_type_hints(made) == get_type_hints(fn)


def test_a_bound_method_shows_no_self() -> None:
    pay = Shop("eu").pay
    assert str(inspect.signature(pay)) == str(inspect.signature(pay.aio)) == "(cents: int) -> str"
    assert str(inspect.signature(Shop.pay)) == "(self, cents: int) -> str"
    assert (pay.__doc__, pay.__name__) == ("Pays.", "pay")


def test_only_what_is_awaited_is_a_coroutine_function() -> None:
    for made in [*ALL, *(getattr(Shop("eu"), name) for name in METHODS)]:
        is_async = made.definition.is_async
        assert asyncio.iscoroutinefunction(made) is is_async
        assert asyncio.iscoroutinefunction(made.options()) is is_async
        assert asyncio.iscoroutinefunction(made.aio)
        assert not asyncio.iscoroutinefunction(made.sync)


def test_a_view_of_the_other_colour_cannot_be_looked_through() -> None:
    """Frameworks unwrap callables to find out whether to await them."""
    assert inspect.unwrap(checkout) is checkout.__wrapped__
    assert inspect.unwrap(digest.sync) is not digest.__wrapped__
    assert inspect.unwrap(checkout.aio) is not checkout.__wrapped__
    assert inspect.unwrap(checkout.aio.sync) is not digest


def test_they_are_pickled_and_copied_by_reference() -> None:
    for made in ALL:
        assert pickle.loads(pickle.dumps(made)) is made
        assert copy.deepcopy({"fn": made}) == {"fn": made}


def test_their_text_names_kind_and_function() -> None:
    assert repr(charge.options(retry=1)) == "<Step of the step charge>"
    assert repr(digest) == f"<AsyncWorkflowFunction of the workflow {__name__}:digest>"


def test_classes_with_them_can_be_specified_for_mocks() -> None:
    shop = create_autospec(Shop)
    shop.pay.return_value = "paid"
    assert shop.pay(3) == "paid"


# -- what they are -------------------------------------------------------------------------------------------


def test_workflows_are_registered_and_steps_are_not() -> None:
    assert REGISTRY.find(f"{__name__}:checkout") is checkout.definition
    assert REGISTRY.find(f"{__name__}:Shop.pay") is Shop.pay.definition
    assert REGISTRY.find(f"{__name__}:charge") is None


def test_what_is_refused_is_not_registered() -> None:
    with pytest.raises(InvalidArgument):
        workflow(name="never registered", timeout=-1)(lambda: None)
    assert REGISTRY.find("never registered") is None


def test_a_second_closure_needs_replace() -> None:
    def make(**options: Any) -> Any:
        @workflow(name=f"{__name__}:closure", **options)
        def local() -> None: ...

        return local

    make(replace=True)
    with pytest.raises(DuplicateDefinition):
        make()
    second = make(replace=True)
    assert REGISTRY.find(f"{__name__}:closure") is second.definition


@pytest.mark.parametrize("decorate", [workflow, step])
@pytest.mark.parametrize("made", ALL, ids=repr)
def test_nothing_is_decorated_twice(decorate: Any, made: Any) -> None:
    with pytest.raises(ConfigurationError, match="decorated already"):
        decorate(made)


# -- where their calls go ------------------------------------------------------------------------------------


async def test_calls_go_to_the_verb_of_their_colour(called: list[Called]) -> None:
    shop = Shop("eu")
    assert checkout("o-1", cents=3) == "call_workflow"
    assert digest.sync(["a"]) == "call_workflow"  # type: ignore[comparison-overlap]
    assert await digest(["a"]) == "call_workflow_async"  # type: ignore[comparison-overlap]
    assert await checkout.aio("o-1") == "call_workflow_async"
    assert charge("o-1") == "call_step"
    assert shop.bill_later.sync(3) == "call_step"
    assert await fetch("u") == "call_step_async"  # type: ignore[comparison-overlap]
    assert await shop.bill.aio(3) == "call_step_async"
    definition, options, instance, args, kwargs = called[0].arguments
    assert (definition, options) == (checkout.definition, checkout.definition.default_options)
    assert (instance, args, kwargs) == (None, ("o-1",), {"cents": 3})
    assert called[5].arguments[2:] == (shop, (3,), {})


async def test_a_call_is_delegated_before_it_is_awaited(called: list[Called]) -> None:
    """Children and steps are numbered when they are called."""
    waiting = [digest(["a"]), fetch("u"), digest.start(["a"]), digest.start_many([]), fetch.map(["u"])]
    assert [each.verb for each in called] == [
        "call_workflow_async",
        "call_step_async",
        "start_workflow_async",
        "start_many_async",
        "map_step_async",
    ]
    await asyncio.gather(*waiting)


async def test_starts_give_handles_of_what_was_started(called: list[Called]) -> None:
    for handle in (
        checkout.start("o-1"),
        await digest.start(["a"]),
        *checkout.start_many([checkout.bind("o-1")]),
        *await digest.start_many([digest.bind(["a"])]),
    ):
        assert type(handle).__name__ in ("Handle", "AsyncHandle")
    assert [each.verb for each in called] == [
        "start_workflow",
        "start_workflow_async",
        "start_many",
        "start_many_async",
    ]


async def test_steps_are_submitted_and_mapped(called: list[Called]) -> None:
    assert charge.submit("o-1") == "submit_step"  # type: ignore[comparison-overlap]
    assert charge.map(["o-1", "o-2"]) == ["map_step"]
    assert await fetch.map(["u"]) == ["map_step_async"]  # type: ignore[comparison-overlap]
    assert called[0].arguments[3:] == (("o-1",), {})
    assert called[1].arguments == (charge.definition, charge.bound_options, None, ["o-1", "o-2"])


def test_an_async_step_is_not_submitted(called: list[Called]) -> None:
    with pytest.raises(UsageError, match="submit takes def steps"):
        fetch.sync.submit("u")
    assert called == []


def test_options_travel_with_every_view(called: list[Called]) -> None:
    bound = checkout.options(id="o-1").options(priority=2)
    for view in (bound, bound.sync, bound.aio.sync):
        view("o-1")
    charge.options(retry=1, name="take").sync("o-1")
    expected = CallOptions().merged(id="o-1", priority=2)
    assert [each.arguments[1] for each in called[:3]] == [expected] * 3
    assert called[3].arguments[1] == charge.bound_options.merged(retry=1, name="take")
    assert (checkout.bound_options, charge.bound_options.retry) == (CallOptions(), Retry(3))


def test_once_and_again_exclude_each_other_in_options_too() -> None:
    @step(at_most_once=True)
    def once() -> None: ...

    with pytest.raises(ConfigurationError, match="at_most_once"):
        once.options(retry=1)
    assert once.options(timeout=1).bound_options.timeout == 1.0


# -- methods -------------------------------------------------------------------------------------------------


async def test_a_method_takes_its_instance_along(called: list[Called]) -> None:
    shop = Shop("eu")
    shop.pay(3)
    shop.pay.options(id="p-1").aio.sync.start(3)
    shop.bill.submit(3)
    assert [each.arguments[2] for each in called] == [shop] * 3
    assert all(each.arguments[2] is shop for each in called)
    assert shop.pay.bind(3).instance is shop


async def test_a_method_may_be_called_on_its_class(called: list[Called]) -> None:
    shop = Shop("eu")
    Shop.pay(shop, 3)
    await Shop.bill_later(shop, cents=3)
    assert [each.arguments[2:] for each in called] == [(shop, (3,), {}), (shop, (), {"cents": 3})]
    with pytest.raises(TypeError, match="needs an instance"):
        Shop.pay()  # type: ignore[call-arg]


@pytest.mark.parametrize("verb", ["start", "bind", "options", "submit", "map"])
def test_everything_else_of_a_method_needs_an_instance(called: list[Called], verb: str) -> None:
    for name in METHODS:
        take = getattr(Shop.__dict__[name], verb, None)
        if take is not None:
            with pytest.raises(UsageError, match=f"Shop.{name} is a method: take this from an instance"):
                take(*((["a"],) if verb == "map" else ()))
    assert called == []
    assert not hasattr(Shop.pay, "aio")
    assert not hasattr(Shop.pay, "sync")


def test_a_static_method_is_a_plain_function(called: list[Called]) -> None:
    Shop.audit(2020)
    Shop("eu").audit(2020)  # type: ignore[call-arg]
    assert [each.arguments[2:] for each in called] == [(None, (2020,), {})] * 2


def test_a_method_without_self_says_what_is_missing() -> None:
    assert isinstance(Shop.lost, Step)
    with pytest.raises(ConfigurationError, match=r"Shop\.lost .*self, or put @staticmethod above"):
        _ = Shop("eu").lost


def test_an_override_reaches_its_base(called: list[Called]) -> None:
    class Branch(Shop):
        @step
        def bill(self, cents: int) -> str:
            return super().bill(cents)

    branch = Branch("eu")
    assert branch.bill.__wrapped__(branch, 3) == "call_step"
    assert called[0].arguments[:1] == (Shop.bill.definition,)
    assert called[0].arguments[2] is branch


# -- calls as values -----------------------------------------------------------------------------------------


def test_a_bound_call_is_a_value() -> None:
    bound = checkout.options(id="o-1").bind("o-1", cents=3)
    assert (bound.definition, bound.options.id) == (checkout.definition, "o-1")
    assert (bound.args, bound.kwargs) == (("o-1",), {"cents": 3})
    assert bound == checkout.options(id="o-1").bind("o-1", cents=3)
    with pytest.raises(AttributeError):
        bound.args = ()  # type: ignore[misc]


def test_arguments_that_do_not_fit_are_refused_when_bound() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'order_id'"):
        checkout.bind()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="too many positional"):
        Shop("eu").pay.bind(1, 2)  # type: ignore[call-arg]


def test_bulk_options_fill_in_for_those_of_the_calls(called: list[Called]) -> None:
    calls = [checkout.bind("o-1"), checkout.options(id="o-2", priority=9).bind("o-2")]
    checkout.options(queue="q", priority=1).start_many(calls)
    checkout.start_many(calls)
    filled, untouched = (each.arguments[0] for each in called)
    assert [(each.options.id, each.options.queue, each.options.priority) for each in filled] == [
        (None, "q", 1),
        ("o-2", "q", 9),
    ]
    assert untouched == calls


def test_bulk_starts_take_one_workflow_and_no_common_id(called: list[Called]) -> None:
    @workflow(name=f"{__name__}:other", replace=True)
    def other() -> str: ...  # type: ignore[empty-body]

    with pytest.raises(InvalidArgument, match=r"cannot start .*:other"):
        checkout.start_many([other.bind()])
    with pytest.raises(InvalidArgument, match="an id is for one run"):
        checkout.options(id="o-1").start_many([checkout.bind("o-1")])
    assert called == []
