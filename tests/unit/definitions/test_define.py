"""What can be a workflow or a step, and what the definition says of it."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from stepwell.core.define import define_step, define_workflow
from stepwell.errors import ConfigurationError, InvalidArgument
from stepwell.model.options import CallOptions, StepOptions
from stepwell.model.retry import Retry
from tests.unit.definitions.functions import defined


def checkout(order_id: str, cents: int = 3) -> str:
    return order_id * cents


async def digest(urls: list[str]) -> list[str]:
    return urls


class Shop:
    def pay(self, cents: int) -> int:
        return cents

    def audit(year: int) -> int:  # type: ignore[misc]  # as under @staticmethod
        return year


def logged(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


def test_a_workflow_is_called_after_its_module_and_itself() -> None:
    definition = define_workflow(checkout)
    assert definition.name == f"{__name__}:checkout"
    assert str(definition.origin).startswith("checkout (")
    assert definition.origin.line == checkout.__code__.co_firstlineno
    assert str(definition.signature) == "(order_id: str, cents: int = 3) -> str"


def test_the_colour_is_the_functions_own() -> None:
    assert [define_workflow(fn).is_async for fn in (checkout, digest)] == [False, True]
    assert [define_step(fn).is_async for fn in (checkout, digest)] == [False, True]


def test_self_makes_a_method() -> None:
    def local(self: int) -> None: ...

    assert not define_workflow(local, name="local").is_method
    assert define_workflow(Shop.pay).is_method
    assert define_workflow(Shop.pay).name == f"{__name__}:Shop.pay"
    assert not define_workflow(Shop.audit).is_method
    assert not define_step(defined("def free(self): ...", "free")).is_method


def test_a_decorated_function_is_what_it_wraps() -> None:
    definition = define_workflow(logged(checkout))
    assert definition.name == f"{__name__}:checkout"
    assert definition.origin == define_workflow(checkout).origin
    assert define_workflow(logged(Shop.pay)).is_method


def test_a_step_is_called_after_itself_and_its_class() -> None:
    def local() -> None: ...

    assert define_step(checkout).name == "checkout"
    assert define_step(Shop.pay).name == "Shop.pay"
    assert define_step(local).name == "local"
    assert define_step(local, name="other").name == "other"


def test_default_options_carry_the_definitions_own() -> None:
    workflow = define_workflow(checkout, timeout=5, queue="q")
    assert workflow.default_options == CallOptions(timeout=5.0, queue="q")
    assert workflow.default_options is workflow.default_options
    assert define_step(checkout, retry=2, timeout=5).default_options == StepOptions("checkout", Retry(2), 5.0)


def test_definitions_are_compared_by_identity() -> None:
    assert define_workflow(checkout) != define_workflow(checkout)
    assert len({define_step(checkout), define_step(checkout)}) == 2


class Classes:
    @classmethod
    def of(cls) -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


REFUSED = [
    (generator, "generator"),
    (async_generator, "generator"),
    (Shop, "the class Shop"),
    (Shop().pay, "bound"),
    (functools.partial(checkout, "o-1"), "a partial object"),
    (staticmethod(checkout), "@staticmethod goes above"),
    (vars(Classes)["of"], "class method"),
    (defined("class A:\n    def of(cls): ...", "A.of"), "class method"),
    ("checkout", "a str object"),
    (None, "NoneType"),
]


@pytest.mark.parametrize(("fn", "why"), REFUSED, ids=[why for _, why in REFUSED])
@pytest.mark.parametrize("define", [define_workflow, define_step])
def test_what_is_no_function_is_refused_with_the_reason(define: Callable[..., Any], fn: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        define(fn, name="x")


def test_a_local_function_needs_a_name_to_be_a_workflow() -> None:
    def local() -> None: ...

    for fn in (local, lambda: None):
        with pytest.raises(ConfigurationError, match="give @workflow"):
            define_workflow(fn)
    assert define_workflow(local, name="local").name == "local"


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            {"name": ""},
            {"name": "a|b"},
            {"name": "x" * 256},
            {"version": ""},
            {"version": "1|2"},
            {"version": 2},
        ),
        *({"timeout": 0}, {"timeout": -1}, {"queue": ""}, {"aliases": "old"}, {"aliases": ["a|b"]}),
        *(
            {"max_recoveries": -1},
            {"max_recoveries": True},
            {"max_recoveries": 2**31},
            {"max_recoveries": 1.0},
        ),
    ],
    ids=str,
)
def test_a_workflows_options_have_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        define_workflow(checkout, **wrong)


@pytest.mark.parametrize("wrong", [{"name": ""}, {"retry": -1}, {"retry": "3"}, {"timeout": 0}], ids=str)
def test_a_steps_options_have_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        define_step(checkout, **wrong)


def test_once_and_again_exclude_each_other() -> None:
    with pytest.raises(ConfigurationError, match="at_most_once"):
        define_step(checkout, at_most_once=True, retry=1)
    assert define_step(checkout, at_most_once=True, retry=0).at_most_once
