"""Fingerprints: the same in every process, never an exception, never an address."""

import datetime
import threading
import uuid
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from stepwell.serde.fingerprint import digest, fingerprint
from stepwell.serde.serializer import Serializer
from tests.unit.serde.processes import run_python
from tests.unit.serde.shapes import Colour, Mode, Node, Opaque, Order, Pair, Point, Text
from tests.unit.serde.test_refusals import Evil, EvilClass
from tests.unit.serde.test_round_trip import values

NOW = datetime.datetime(2024, 5, 17, tzinfo=datetime.UTC)

EXAMPLES = {
    "scalars": (1, "a", None, True, 1.5, b"x", Decimal("1.0"), uuid.UUID(int=5), NOW),
    "sets": ({"a", "b", "c", "d"}, frozenset({"x", "y", "z"}), {1, 2.5}, {(1, "a"), (2, "b")}),
    "mixed sets": ({1, "a", None, (1, 2)}, {Colour.RED, Colour.GREEN}),
    "keys": ({1: "a", "1": "b"}, {(1, 2): {3}}, {"b": 1, "a": {"d": 1, "c": 2}}),
    "classes": (Order("1", NOW, [Point(1)], note={"x", "y"}), Pair(1), Mode.READ, Point),
    "odd": (Opaque(), Text("x"), "\ud800", threading.Lock(), 10**5000, Path("a"), 1j, len, {"x": {Opaque}}),
}


def fingerprints() -> dict[str, int]:
    return {name: fingerprint(name, args, {"k": args}) for name, args in EXAMPLES.items()}


@pytest.mark.parametrize("seed", ["0", "1", "424242"])
def test_every_process_and_hash_seed_gives_the_same(seed: str) -> None:
    code = "from tests.unit.serde.test_fingerprint import fingerprints; print(fingerprints())"
    assert run_python(code, PYTHONHASHSEED=seed).strip() == str(fingerprints())


def test_the_method_does_not_change_unnoticed() -> None:
    """Rows hold these numbers: another method needs another ENGINE_FORMAT."""
    assert fingerprint("charge", ("o-1", 4200), {}) == PINNED
    assert digest('{"args":["o-1"]}') == "3de3369bbb89100fff0878ea8f49dd25"


PINNED = -4943597867478241887


def test_what_differs_differs() -> None:
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("f", (), {}),
        ("g", (), {}),
        ("f" * 100, (), {}),
        ("f" * 101, (), {}),
        ("f", (1,), {}),
        ("f", ("1",), {}),
        ("f", (1, 2), {}),
        ("f", (2, 1), {}),
        ("f", ([1, 2],), {}),
        ("f", (1,), {"a": 2}),
        ("f", (1,), {"b": 2}),
        ("f", ({1: 2},), {}),
        ("f", ("\ud800",), {}),
        ("f", ("\ud801",), {}),
        ("f", (Text("a"),), {}),
        ("f", (Text("b"),), {}),
        ("f", ({"a", 1},), {}),
        ("f", ({"b", 1},), {}),
        ("f", (len,), {}),
        ("f", (print,), {}),
        ("f", (10**5000,), {}),
        ("f", (10**5000 + 1,), {}),
        ("f", ("x" * 100_000,), {}),
        ("f", ("x" * 100_001,), {}),
        ("f", ("y" * 100_000,), {}),
    ]
    marks = [fingerprint(*call) for call in calls]
    assert len(set(marks)) == len(marks)
    assert all(-(2**63) <= mark < 2**63 for mark in marks)


def test_order_of_keys_and_identity_do_not_matter() -> None:
    for a, b in [
        ({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1}),
        ({1: 1, "b": 2}, {"b": 2, 1: 1}),
        (OrderedDict(a=1, b=2), {"b": 2, "a": 1}),
        (Opaque(), Opaque()),
        ([Opaque(), {1, "a"}], [Opaque(), {"a", 1}]),
        (Evil(), Evil()),
        (lambda: 1, lambda: 2),
        (ValueError(Opaque()), ValueError(Opaque())),
    ]:
        assert fingerprint("f", (a,), {}) == fingerprint("f", (b,), {})
        assert fingerprint("f", (), {"x": a, "y": 1}) == fingerprint("f", (), {"y": 1, "x": b})


def test_what_is_past_64_KiB_counts_by_its_length_only() -> None:
    long = "x" * 70_000
    assert fingerprint("f", (long + "a",), {}) == fingerprint("f", (long + "b",), {})
    assert fingerprint("f", (long + "a",), {}) != fingerprint("f", (long + "ab",), {})


def test_nothing_makes_it_raise() -> None:
    endless: list[Any] = []
    endless += [endless, endless, Opaque()]
    node = Node(1)
    node.next = node
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (
        endless,
        node,
        deep,
        Evil(),
        EvilClass(),
        EvilClass,
        {Evil(): Evil()},
        [Evil(), endless],
        "\udfff",
    ):
        assert fingerprint("f", (value,), {}) == fingerprint("f", (value,), {})
        assert fingerprint("\ud800", (), {"x": value}) == fingerprint("\ud800", (), {"x": value})
    while deep:  # taken apart by hand: freeing it at once would recurse in C
        deep = deep.pop()


@settings(max_examples=300, deadline=None)
@given(values)
def test_a_value_that_was_stored_keeps_its_fingerprint(value: object) -> None:
    """The arguments of a replay may come out of recorded results."""
    coder = Serializer().value(Any)
    back = coder.decode(coder.encode(value)[0])
    assert fingerprint("f", (value,), {}) == fingerprint("f", (back,), {})
