"""Ids and names: their bounds; UUIDv7: its layout and its order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.errors import InvalidArgument
from stepwell.model.ids import check_name, check_route_part, check_workflow_id, uuid7

CHECKS: list[Callable[[Any], str]] = [
    check_workflow_id,
    lambda name: check_name(name, "queue"),
    lambda name: check_route_part(name, "version"),
]
MILLISECONDS = st.integers(min_value=0, max_value=2**48 - 1)
BITS = st.integers(min_value=0, max_value=2**74 - 1)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("text", ["o-1", "é" * 255, "a b\nc", "order:17@eu", "😀"])
def test_text_of_1_to_255_characters_is_taken_as_it_is(check: Callable[[Any], str], text: str) -> None:
    assert check(text) == text


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("text", ["", "x" * 256, "a\0b", "a\ud800", 3, None, b"o-1"], ids=lambda t: repr(t)[:20])
def test_what_databases_cannot_keep_is_refused(check: Callable[[Any], str], text: Any) -> None:
    with pytest.raises(InvalidArgument):
        check(text)


def test_a_slash_is_reserved_in_ids_only() -> None:
    with pytest.raises(InvalidArgument, match="'/'"):
        check_workflow_id("parent/1")
    assert check_name("a/b", "topic") == "a/b"


def test_a_bar_is_reserved_in_what_makes_a_route() -> None:
    with pytest.raises(InvalidArgument, match=r"version must not contain '\|'"):
        check_route_part("1|2", "version")
    assert check_workflow_id("1|2") == "1|2"


def test_a_message_names_what_was_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"^queue must be at most 255 characters, and has 300$"):
        check_name("q" * 300, "queue")


@given(MILLISECONDS, BITS)
def test_a_uuid7_holds_its_time_and_its_bits(unix_ms: int, bits: int) -> None:
    made = uuid7(unix_ms, bits)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == unix_ms
    assert (made.int >> 64 & 0xFFF) << 62 | made.int & (1 << 62) - 1 == bits


@given(st.tuples(MILLISECONDS, BITS), st.tuples(MILLISECONDS, BITS))
def test_uuid7s_are_ordered_by_time_then_bits(one: tuple[int, int], two: tuple[int, int]) -> None:
    assert (uuid7(*one) < uuid7(*two)) == (one < two)


@given(st.binary(min_size=10, max_size=16))
def test_bytes_and_int_give_the_same(random: bytes) -> None:
    assert uuid7(1, random) == uuid7(1, int.from_bytes(random[:10]) & (1 << 74) - 1)


@pytest.mark.parametrize(("unix_ms", "bits"), [(-1, 0), (2**48, 0), (0, b"short")])
def test_a_uuid7_of_an_impossible_time_or_too_few_bytes_is_refused(unix_ms: int, bits: int | bytes) -> None:
    with pytest.raises(InvalidArgument):
        uuid7(unix_ms, bits)
