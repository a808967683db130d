"""Names: who may have one, who replaces whom, and which routes are served."""

import sys
import threading
from typing import Any

import pytest

from stepwell.core.define import define_workflow
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.instances import Instances
from stepwell.core.registry import Registry, route
from stepwell.errors import DuplicateDefinition
from tests.unit.definitions.functions import defined

CLOSURE = """
    def make():
        def checkout(): ...
        return checkout
    checkout = make()
"""


def checkout(file: str = "/srv/shop.py", module: str = "shop", **options: Any) -> WorkflowDefinition:
    return define_workflow(defined("def checkout(): ...", "checkout", file=file, module=module), **options)


def closure(**options: Any) -> WorkflowDefinition:
    return define_workflow(defined(CLOSURE, "checkout"), name="local", **options)


def registered(*definitions: WorkflowDefinition) -> Registry:
    registry = Registry()
    for definition in definitions:
        registry.add(definition)
    return registry


def test_a_workflow_is_found_by_its_name_and_aliases() -> None:
    definition = checkout(aliases=["shop:older", "oldest"])
    registry = registered(definition)
    assert [registry.find(name) for name in ("shop:checkout", "shop:older", "oldest")] == [definition] * 3
    assert registry.find("shop:other") is None
    assert registry.definitions() == [definition]


def test_the_same_place_again_replaces() -> None:
    """A reload, or a script that imports itself under its own name."""
    old, new = checkout(aliases=["older"]), checkout()
    registry = registered(old, new)
    assert registry.definitions() == [new]
    assert registry.find("older") is None


def test_cells_of_a_notebook_replace_each_other() -> None:
    cells = ["<ipython-input-1-abc>", "/tmp/ipykernel_12/34.py", "<stdin>", "<python-input-3>"]
    definitions = [checkout(file=cell, module="__main__") for cell in cells]
    assert registered(*definitions).definitions() == definitions[-1:]


def test_another_file_under_the_same_name_is_refused_naming_both() -> None:
    registry = registered(checkout())
    with pytest.raises(DuplicateDefinition, match=r"'shop:checkout'.*/srv/shop\.py:1.*/srv/other\.py:1"):
        registry.add(checkout(file="/srv/other.py"))


def test_two_functions_of_one_file_under_one_name_are_refused() -> None:
    other = define_workflow(defined("def other(): ...", "other"), name="shop:checkout")
    with pytest.raises(DuplicateDefinition, match="give one of them name="):
        registered(checkout()).add(other)


def test_an_alias_may_not_be_anothers_name_nor_alias() -> None:
    registry = registered(checkout(aliases=["older"]))
    for name, aliases in [("older", []), ("x", ["older"]), ("x", ["shop:checkout"])]:
        other = define_workflow(defined("def other(): ...", "other"), name=name, aliases=aliases)
        with pytest.raises(DuplicateDefinition):
            registry.add(other)
        assert registry.find("x") is None


def test_a_second_closure_needs_replace() -> None:
    first, second = closure(), closure()
    registry = registered(first)
    with pytest.raises(DuplicateDefinition, match="replace=True"):
        registry.add(second)
    assert registry.find("local") is first
    registry.add(second, replace=True)
    assert registry.find("local") is second


def test_replace_takes_a_name_and_no_ones_alias() -> None:
    registry = registered(checkout(aliases=["local"]))
    with pytest.raises(DuplicateDefinition):
        registry.add(closure(), replace=True)


def test_every_change_raises_the_generation() -> None:
    registry = registered(checkout())
    before = registry.generation
    registry.add(checkout())
    assert registry.generation == before + 1


def test_threads_may_register_at_once() -> None:
    registry = Registry()
    definitions = [define_workflow(defined("def f(): ...", "f"), name=f"w{n}") for n in range(400)]
    together = threading.Barrier(4)

    def add(share: list[WorkflowDefinition]) -> None:
        together.wait()
        for definition in share:
            registry.add(definition)

    threads = [threading.Thread(target=add, args=(definitions[start::4],)) for start in range(4)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    assert set(registry.definitions()) == set(definitions)


def test_a_route_is_name_version_and_instance() -> None:
    assert route("shop:checkout", None, None) == "shop:checkout||"
    assert route("shop:Shop.pay", "2", "eu") == "shop:Shop.pay|2|eu"


def test_routes_are_with_the_version_and_without() -> None:
    registry = registered(checkout(version="2", aliases=["older"]), closure())
    assert registry.routes(Instances()) == [
        "shop:checkout|2|",
        "shop:checkout||",
        "older|2|",
        "older||",
        "local||",
    ]


def test_a_method_is_served_for_the_instances_of_its_class() -> None:
    source = """
        class Shop:
            def pay(self): ...
        class Branch(Shop): ...
        class Other: ...
    """
    namespace: dict[str, Any] = {"__name__": "shop"}
    exec(compile("\n".join(line[8:] for line in source.splitlines()), "/srv/shop.py", "exec"), namespace)
    pay = define_workflow(namespace["Shop"].pay)
    registry = registered(pay)
    instances = Instances()
    assert registry.routes(instances) == []
    instances.register("eu", namespace["Shop"]())
    instances.register("us", namespace["Branch"]())
    instances.register("else", namespace["Other"]())
    assert registry.served(instances) == {"shop:Shop.pay||eu": pay, "shop:Shop.pay||us": pay}
