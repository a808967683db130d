"""Named instances: found both ways, told apart by identity."""

from dataclasses import dataclass

import pytest

from stepwell.core.instances import Instances
from stepwell.errors import ConfigurationError, InvalidArgument, UnregisteredInstance


@dataclass  # equal and not hashable
class Shop:
    region: str = "eu"


def test_an_instance_is_found_by_name_and_its_name_by_instance() -> None:
    instances, eu, us = Instances(), Shop(), Shop()
    instances.register("eu", eu)
    instances.register("us", us)
    assert (instances.instance("eu"), instances.instance("us")) == (eu, us)
    assert instances.instance("us") is us
    assert (instances.name_of(eu), instances.name_of(us)) == ("eu", "us")


def test_what_is_not_registered_says_how_to() -> None:
    with pytest.raises(UnregisteredInstance, match=r"this Shop has no name.*engine\.register"):
        Instances().name_of(Shop())
    with pytest.raises(UnregisteredInstance, match=r"engine\.register\('eu'"):
        Instances().instance("eu")


def test_the_same_again_changes_nothing() -> None:
    instances, eu = Instances(), Shop()
    instances.register("eu", eu)
    before = instances.generation
    instances.register("eu", eu)
    assert instances.generation == before


def test_a_name_is_one_instances_and_an_instance_has_one_name() -> None:
    instances, eu = Instances(), Shop()
    instances.register("eu", eu)
    with pytest.raises(ConfigurationError, match="another Shop is registered as 'eu'"):
        instances.register("eu", Shop())
    with pytest.raises(ConfigurationError, match="registered as 'eu'"):
        instances.register("us", eu)
    with pytest.raises(InvalidArgument):
        instances.register("e|u", Shop())


def test_replace_gives_a_name_to_another() -> None:
    instances, old, new = Instances(), Shop(), Shop()
    instances.register("eu", old)
    instances.register("eu", new, replace=True)
    assert instances.instance("eu") is new
    with pytest.raises(UnregisteredInstance):
        instances.name_of(old)
