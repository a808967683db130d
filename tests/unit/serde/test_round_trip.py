"""decode(encode(x)) is x again: equal, of the same types, in the same order; and the text is ASCII JSON."""

import json
from collections import Counter, OrderedDict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.serde.same import same
from stepwell.serde.serializer import Serializer
from tests.unit.serde.shapes import (
    Careless,
    Cat,
    Colour,
    Counted,
    Hidden,
    Level,
    Mode,
    Money,
    Movie,
    Node,
    Odd,
    Order,
    Pair,
    Point,
    Renamed,
    Stamped,
)

SERIALIZER = Serializer()
NOW = datetime(2024, 5, 17, 12, 30, 1, 250, tzinfo=UTC)

any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates and NUL too
zones = st.sampled_from(
    [
        None,
        UTC,
        ZoneInfo("Europe/Berlin"),
        timezone(timedelta(hours=-3, seconds=7)),
        timezone(timedelta(0), "Z"),
    ]
)
scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | any_text
    | st.binary()
    | st.builds(bytearray, st.binary())
    | st.complex_numbers(allow_nan=False)
    | st.decimals()
    | st.fractions()
    | st.uuids()
    | st.dates()
    | st.timedeltas()
    | st.builds(lambda at, zone, fold: at.replace(tzinfo=zone, fold=fold), st.datetimes(), zones, st.integers(0, 1))
    | st.builds(lambda at, zone: at.replace(tzinfo=zone), st.times(), zones)
    | st.sampled_from([Colour.RED, Level.HIGH, Mode.READ, Mode.READ | Mode.WRITE, Odd.PAIR, Odd.NOTHING])
)
_NO_KEYS = ("nan", "-nan", "snan", "-snan")  # found in a dict by identity at most


def can_be_key(value: object) -> bool:
    return not isinstance(value, bytearray) and str(value).lower() not in _NO_KEYS


hashables: st.SearchStrategy[Any] = scalars.filter(can_be_key)


def containers(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(items, max_size=4)
        | st.lists(items, max_size=4).map(tuple)
        | st.lists(items, max_size=4).map(deque)
        | st.dictionaries(any_text | st.just("$t"), items, max_size=4)
        | st.dictionaries(hashables, items, max_size=4)
        | st.dictionaries(any_text, items, max_size=4).map(OrderedDict)
        | st.sets(hashables, max_size=4)
        | st.frozensets(hashables, max_size=4)
        | st.builds(Careless, items, items)
        | st.builds(Renamed, any_text, items)
        | st.builds(Pair, items, items)
        | st.builds(Order, items, items, items, items)
    )


values = st.recursive(scalars, containers, max_leaves=12)

typed_values = st.one_of(
    st.tuples(st.just(int), st.integers()),
    st.tuples(st.just(str), any_text),
    st.tuples(st.just(float), st.floats()),
    st.tuples(st.just(float | None), st.floats() | st.none()),
    st.tuples(st.just(int | float), st.integers() | st.floats()),
    st.tuples(st.just(bytes), st.binary()),
    st.tuples(st.just(Decimal), st.decimals()),
    st.tuples(st.just(timedelta), st.timedeltas()),
    st.tuples(st.just(datetime), st.datetimes(timezones=zones)),
    st.tuples(st.just(list[str]), st.lists(any_text)),
    st.tuples(st.just(dict[str, int]), st.dictionaries(any_text, st.integers())),
    st.tuples(st.just(dict[int, float]), st.dictionaries(st.integers(), st.floats())),
    st.tuples(st.just(dict[UUID, str]), st.dictionaries(st.uuids(), any_text)),
    st.tuples(st.just(set[str]), st.sets(any_text)),
    st.tuples(st.just(frozenset[date]), st.frozensets(st.dates())),
    st.tuples(st.just(tuple[int, str]), st.tuples(st.integers(), any_text)),
    st.tuples(st.just(list[Point]), st.lists(st.builds(Point, st.integers(), st.integers()))),
    st.tuples(st.just(Order), st.builds(Order, any_text, st.datetimes(timezones=zones), st.just([Point(1)]), values)),
    st.tuples(st.just(list[Money | None]), st.lists(st.builds(Money, st.integers(), any_text) | st.none())),
    st.tuples(st.sampled_from([int, str, list[int], dict[str, str], Point, Any, object, datetime, set[int]]), values),
)


def check_back(tp: Any, value: Any) -> Any:
    coder = SERIALIZER.value(tp)
    return coder.decode(coder.encode(value)[0])


def check(tp: Any, value: object) -> str:
    coder = SERIALIZER.value(tp)
    text, codec_id = coder.encode(value)
    assert codec_id is None
    assert text.isascii()
    assert "\0" not in text
    json.loads(text, parse_constant=pytest.fail)  # any reader's JSON: no NaN
    back = coder.decode(text)
    assert same(back, value), (back, value, text)
    return text


@settings(max_examples=400, deadline=None)
@given(values)
def test_any_value(value: object) -> None:
    check(Any, value)


@settings(max_examples=400, deadline=None)
@given(typed_values)
def test_by_annotation_whether_or_not_the_value_is_of_it(case: tuple[Any, object]) -> None:
    check(*case)


@settings(max_examples=100, deadline=None)
@given(values)
def test_the_same_value_gives_the_same_text(value: object) -> None:
    coder = SERIALIZER.value(Any)
    text = coder.encode(value)[0]
    assert coder.encode(coder.decode(text))[0] == text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a\0b",
        "\ud800",
        "\ud83d\ude00",  # two lone surrogates are not one emoji
        "\U0001f600",
        "Straße",
        2**63,
        -(2**64) - 1,
        10**5000,
        -0.0,
        float("nan"),
        float("-inf"),
        5e-324,
        b"\0\xff",
        (1, (2,), []),
        {1: "a", "1": "b"},
        {(1, 2): {None: True}},
        {True: 1, "x": 2},
        {"$t": "datetime", "v": "x"},
        {"$t": {"$t": 1}},
        ["$t", '"$t"'],
        {"b": 1, "a": 2},
        [{"v": 1}, {"zone": 1}],
        {frozenset({1, 2}), frozenset()},
        datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(seconds=1), "odd")),
        time(1, 2, 3, 4, tzinfo=UTC),
        timedelta.min,
        timedelta.max,
        date.max,
        Decimal("1.00"),
        Decimal("sNaN"),
        complex(float("nan"), -0.0),
        Fraction(1, 3),
        Path("a/b"),
        ZoneInfo("Asia/Tokyo"),
        timezone(timedelta(hours=1)),
        deque([1, 2], maxlen=2),
        OrderedDict([("b", 1), ("a", 2)]),
        Counter("abca"),
        Careless("not a number", ["not", "a", "tuple"]),  # type: ignore[arg-type]
        Counted(1),
        Hidden(1, 2),
        Node(1, Node(2, Node(3))),
        Order("1", NOW, [Point(1)], note=(NOW, Money(5))),
        Renamed("x", {1: 2}),
        Pair(1),
        Pair("x", 2),  # type: ignore[arg-type]
        Odd.PAIR,
        Mode(0),
        [Cat(9)],
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_by_example(value: object) -> None:
    check(Any, value)


@pytest.mark.parametrize(
    ("tp", "value", "text"),
    [
        (str, "é", '"\\u00e9"'),
        (int | None, None, "null"),
        (float, 2.0, "2.0"),
        (Any, {"b": [1, 2.5, None, True], "a": "x"}, '{"b":[1,2.5,null,true],"a":"x"}'),
        (dict[str, Any], {"a": {"b": 1}}, '{"a":{"b":1}}'),
        (dict[int, str], {1: "a"}, '{"1":"a"}'),
        (tuple[int, ...], (1, 2), "[1,2]"),
        (set[int], {3, 1, 2}, "[1,2,3]"),
        (datetime, NOW, '"2024-05-17T12:30:01.000250Z"'),
        (UUID, UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Decimal, Decimal("1.10"), '"1.10"'),
        (bytes, b"ab", '"YWI="'),
        (Colour, Colour.RED, '"red"'),
        (Point, Point(1, 2), '{"x":1,"y":2}'),
        (Node, Node(1, Node(2)), '{"value":1,"next":{"value":2,"next":null}}'),
        (Money, Money(5), '{"cents":5,"currency":"EUR"}'),
        (Renamed, Renamed("x", [1]), '{"firstName":"x","anything":[1]}'),
        (Cat | None, Cat(9), '{"type":"cat","lives":9}'),
        (Movie, {"year": 1, "title": "x"}, '{"year":1,"title":"x"}'),
        (Pair, Pair(1), '[1,"r"]'),
        (list[Path], [Path("a")], '["a"]'),
        # Not of the annotation: what is there is kept.
        (int, "5", '{"$t":"any","v":"5"}'),
        (int, True, '{"$t":"any","v":true}'),
        (float, 5, '{"$t":"any","v":5}'),
        (list[int], (1, 2), '{"$t":"tuple","v":[1,2]}'),
        (str, None, '{"$t":"any","v":null}'),
        (Movie, {"title": "x", "more": 1}, '{"$t":"any","v":{"title":"x","more":1}}'),
        (datetime, NOW.replace(tzinfo=ZoneInfo("Asia/Tokyo")), None),
        (Point, Pair(1), '{"$t":"tests.unit.serde.shapes:Pair","v":{"left":1,"right":"r"}}'),
        (dict[str, datetime], {"$t": NOW}, None),
        (set[float], {float("nan")}, '{"$t":"set","v":[{"$t":"float","v":"nan"}]}'),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_text_by_annotation(tp: Any, value: object, text: str | None) -> None:
    coder = SERIALIZER.value(tp)
    written = coder.encode(value)[0]
    assert text is None or written == text
    back = coder.decode(written)
    assert repr(back) == repr(value)
    assert type(back) is type(value)


def test_state_beside_the_fields_is_not_lost_under_the_own_annotation() -> None:
    extended = Point(1)
    extended.more = [2]  # type: ignore[attr-defined]
    for value in (extended, Stamped(1), Counted(1), Hidden(1, 2)):
        for tp in (type(value), list[type(value)], Any):  # type: ignore[misc]
            boxed = value if tp in (type(value), Any) else [value]
            assert same(check_back(tp, boxed), boxed)


def test_a_set_gives_one_text_whatever_its_history() -> None:
    one, other = {0, 8}, {8, 0}
    assert list(one) != list(other)  # they collide: the order is that of insertion
    for tp, a, b in [
        (Any, one, other),
        (set[int], one, other),
        (dict[str, set[int]], {"x": one}, {"x": other}),
    ]:
        coder = SERIALIZER.value(tp)
        assert coder.encode(a) == coder.encode(b)
    ordered = {"b": one, "a": other}
    assert list(check_back(dict[str, set[int]], ordered)) == ["b", "a"]


def test_state_is_restored_without_running_the_class() -> None:
    live = Counted(1)
    assert live.cached == 6
    back = SERIALIZER.value(Any).decode(SERIALIZER.value(Any).encode(live)[0])
    assert (back.n, back.doubled, back.extra, back.cached) == (2, 4, [2], 6)


def test_foreign_json_without_tags_is_read_by_annotation() -> None:
    """Starts from SQL or another language know nothing of tags."""
    assert SERIALIZER.value(set[date]).decode('["2024-01-02"]') == {date(2024, 1, 2)}
    assert SERIALIZER.value(Point).decode('{"x": 1}') == Point(1, 0)
    assert SERIALIZER.value(Point).decode('{"x": 1, "y": 2, "unknown": ["$t"]}') == Point(1, 2)
    assert SERIALIZER.value(list[str]).decode('["\\"$t\\"", "$t"]') == ['"$t"', "$t"]


def test_a_field_that_came_later_takes_its_default() -> None:
    text = '{"$t":"tests.unit.serde.shapes:Point","v":{"x":1}}'
    assert SERIALIZER.value(Any).decode(text) == Point(1, 0)
