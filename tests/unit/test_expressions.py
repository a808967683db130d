"""Filters: a small safe language, whose expressions never raise."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.core.expressions import DEEPEST, LONGEST, names_of, parse
from stepwell.errors import InvalidArgument
from stepwell.serde.serializer import Serializer
from stepwell.serde.text import from_text


class Size(Enum):
    LARGE = 3


@dataclass
class Order:
    id: str
    size: Size


ORDER = {
    "amount": 150,
    "price": 9.5,
    "paid": True,
    "note": None,
    "id": "o-1",
    "tags": ["vip", 7, None, True],
    "customer": {"country": "DE", "items": 3, "zip-code": "10115", "vat": {"id": "x"}},
    "items": [{"sku": "anvil"}, {"sku": "rope"}],
    "empty": [],
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("amount > 100", True),
        ("amount >= 150 and amount <= 150.0", True),
        ("100 < amount < 200", True),
        ("100 < amount < 120", False),
        ("amount == 150.0", True),
        ("amount != 150", False),
        ("price < 10", True),
        ("-1 < price", True),
        ("+1 > price", False),
        ("paid", True),
        ("not paid", False),
        ("not not paid or false", True),
        ("paid == true", True),
        ("paid == True and note == None", True),
        ("note == null", True),
        ("amount != null", True),
        ("id == 'o-1'", True),
        ('id in ("o-1", "o-2")', True),
        ("id not in ['o-1']", False),
        ("amount in [1, 150]", True),
        ("'vip' in tags", True),
        ("'dull' not in tags", True),
        ("null in tags", True),
        ("true in tags", True),
        ("1 in tags", False),
        ("'-1' in id", True),
        ("'country' in customer", True),
        ("customer.country == 'DE'", True),
        ("customer['zip-code'] < '2'", True),
        ("customer.items == 3", True),
        ("items[0].sku == 'anvil' and items[-1].sku == 'rope'", True),
        ("items[5].sku == 'anvil'", False),
        ("empty", False),
        ("customer", True),
        ("customer.vat == customer.vat", True),
        ("'it\\'s' == 'it\\x27s'", True),
        # What is not there, and what is of another type, makes the comparison false: also this one.
        ("nothing", False),
        ("not nothing", True),
        ("nothing == null", False),
        ("nothing != 1", False),
        ("nothing in tags", False),
        ("nothing not in tags", False),
        ("customer.nothing.deeper > 1", False),
        ("amount > '100'", False),
        ("amount != '100'", False),
        ("paid == 1", False),
        ("paid < 2", False),
        ("note < 1", False),
        ("tags < [1]", False),
        ("id.upper", False),
        ("id.upper == null", False),
        ("customer.keys == null", False),
        ("amount.real == 150", False),
        ("tags[0] == 'vip' or tags['x'] == 1", True),
        ("items['sku'] == 'anvil'", False),
        ("id[0] == 'o'", False),
        ("1 in amount", False),
        ("3 in id", False),
    ],
)
def test_what_it_says(text: str, holds: bool) -> None:
    assert parse(text, "where")(ORDER) is holds


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "  ",
            "a >",
            "a = 1",
            "a; b",
            "lambda: 1",
            "f(x)",
            "a.f()",
            "a + 1",
            "2 ** 9999",
            "'x' * 10 ** 9",
            "a if b else c",
        ),
        *(
            "[x for x in y]",
            "{'a': 1}",
            "{1}",
            "a[b]",
            "a[1:2]",
            "a[1.5]",
            "a[True]",
            "a is None",
            "f'{a}'",
            "b'x'",
            "1j",
            "...",
            "-a",
            "~1",
        ),
        *("(yield)", "await a", "a := 1", "*a", "[a]", "x in (1, b)", "'\\d' == x", "\\", "__import__('os')", "a\0b"),
        "x" * (LONGEST + 1),
        "not " * (DEEPEST + 1) + "x",
        "x" + ".y" * (DEEPEST + 1),
        "(" * 300 + "x" + ")" * 300,
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^ship: where"):
        parse(text, "ship: where")


@pytest.mark.parametrize("bad", [None, 3, b"x"])
def test_what_is_no_text(bad: Any) -> None:
    with pytest.raises(InvalidArgument, match="must be a str"):
        parse(bad, "where")


def test_the_place_is_named() -> None:
    with pytest.raises(InvalidArgument, match=r"a call is not part of these expressions \(at column 12\)"):
        parse("a == 1 and f(x)", "where")


def test_names() -> None:
    assert parse("event.id == order.id and not x and true", "where").names == {"event", "order", "x"}


def test_values_that_carry_their_type_are_seen_as_values() -> None:
    coder = Serializer().value(Any)

    def holds(text: str, value: Any) -> bool:
        return parse(text, "where")(names_of(from_text(coder.text(value, "payload"))))

    value = {"d": Decimal("1.5"), "t": (1, Decimal(2)), "day": date(2024, 5, 6), "big": 2**3000, "inf": float("inf")}
    assert holds("d > 1 and d < 2 and 2 in t and t[0] == 1 and day < '2025'", value)
    assert holds("big > 5 and inf > 1e300", value)
    assert holds("id == 'o-1' and size == 'LARGE' and not colour", Order("o-1", Size.LARGE))
    assert holds("nan > 1 or nan < 1 or nan == nan", {"nan": Decimal("NaN")}) is False
    assert holds("snan > 1", {"snan": Decimal("sNaN")}) is False


@pytest.mark.parametrize("payload", [None, 3, "text", [1], True])
def test_a_payload_without_fields(payload: Any) -> None:
    assert parse("amount > 1 or not x", "where")(names_of(payload)) is True
    assert parse("amount > 1", "where")(names_of(payload)) is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "$t", "v"]), inner, max_size=3)
    ),
    max_leaves=8,
)
LEAF = st.sampled_from(["a", "b", "a.b", "a[0]", "b['a']", "1", "-2.5", "'x'", "null", "true", "[1, 'x']"])
TEST = st.tuples(LEAF, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"]), LEAF).map(" ".join)
TEXT = st.recursive(
    TEST | LEAF,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda t: f"not ({t})")
    ),
    max_leaves=5,
)


@given(text=TEXT, payload=JSON)
def test_it_never_raises_and_says_yes_or_no(text: str, payload: Any) -> None:
    if len(text) > LONGEST:
        return
    assert parse(text, "where")(names_of(payload)) in (True, False)


@given(text=st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = parse(text, "where")
    except InvalidArgument:
        return
    assert expression(ORDER) in (True, False)


@given(value=st.text(max_size=40))
def test_repr_of_a_text_is_that_text(value: str) -> None:
    """So an id may be put into a filter by !r, whatever it contains."""
    assert parse(f"x == {value!r}", "where")({"x": value}) is True
