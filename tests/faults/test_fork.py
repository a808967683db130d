"""An engine does not survive fork(): the child is told so, and may launch its own."""

from tests.faults.apps.forking import CHILD_CALLS
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


CHILDREN = 6


def test_forks_under_load_lose_nothing_even_if_the_parent_closes_first(place: Place, crew: Crew) -> None:
    """SQLite's own bookkeeping of locks is inherited by a fork, the locks are not: nothing may be open then."""
    parent = crew.serving("forking")
    parent.tell("fork_under_load", CHILDREN)
    (called,) = parent.expect("parent called")
    assert parent.expect("children ended well") == [True], parent.story()
    parent.expect("did", "fork_under_load")
    assert place.statuses() == {"SUCCESS": called + CHILDREN * CHILD_CALLS}
    assert place.sql("select count(*) from workflow_status where attempts > 1") == [(0,)]
    parent.leave()
    assert "Traceback" not in parent.log.read_text(), parent.story()
    if place.is_sqlite:
        assert place.sql("pragma integrity_check") == [("ok",)]
