"""An engine does not survive fork(): the child is told so, and may launch its own."""

from tests.faults.kit.places import Place
from tests.faults.kit.processes import Crew


def test_a_child_is_told_and_may_launch(place: Place, crew: Crew) -> None:
    parent = crew.serving("forking")
    assert parent.ask("call", "before") == parent.pid
    parent.ask("fork")
    (refused,) = parent.expect("refused")
    assert refused == ["EngineForked"] * 6
    child, in_child, nameless = parent.expect("child")
    assert child == in_child == nameless != parent.pid
    assert parent.ask("call", "meanwhile") == parent.pid, "the child has broken the parent's connections"
    parent.expect("child closed")
    assert parent.expect("child again") == [True]
    parent.expect("child gone")
    assert parent.ask("call", "after") == parent.pid
    assert place.statuses() == {"SUCCESS": 6}
    assert place.sql("select count(*) from executors") == [(1,)], "the child took its row along"
    parent.leave()
    if place.is_sqlite:
        assert place.sql("pragma integrity_check") == [("ok",)]
