"""Words of the command line become arguments by the workflow's annotations."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import click
import pytest

from stepwell import workflow
from stepwell.cli.arguments import parse_call, parse_input
from stepwell.core.definition import WorkflowDefinition


@dataclass
class Box:
    width: int
    height: float = 1.0


@workflow
def plain(a, b=None):  # type: ignore[no-untyped-def]
    """No annotations: JSON where it parses."""


@workflow
def typed(id: str, box: Box, day: date | None = None, key: UUID | None = None, count: int = 1) -> None:
    pass


@workflow
def many(*numbers: int, mark: str = "", **rest: float) -> None:
    pass


CASES: list[tuple[WorkflowDefinition, list[str], list[str], list[Any], dict[str, Any]]] = [
    (plain.definition, ["42", "x y"], [], [42, "x y"], {}),
    (plain.definition, ['{"a": [1]}'], ["b=null"], [{"a": [1]}], {"b": None}),
    (typed.definition, ["42", '{"width": 2}'], [], ["42", Box(2)], {}),
    (typed.definition, ['"quoted"', '{"width": 2, "height": 3}'], ["count=7"], ["quoted", Box(2, 3.0)], {"count": 7}),
    (typed.definition, ["null", '{"width": 2}', "2025-01-31"], [], ["null", Box(2), date(2025, 1, 31)], {}),
    (typed.definition, ["a=b", '{"width": 2}'], ["key=00000000-0000-0000-0000-000000000007"],
     ["a=b", Box(2)], {"key": UUID(int=7)}),
    (many.definition, ["1", "2", "3"], ["mark=!", "x=1.5"], [1, 2, 3], {"mark": "!", "x": 1.5}),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "words", "keywords", "args", "kwargs"), CASES)
def test_calls(
    definition: WorkflowDefinition,
    words: list[str],
    keywords: list[str],
    args: list[Any],
    kwargs: dict[str, Any],
) -> None:
    assert parse_call(definition, words, keywords) == (args, kwargs)


@pytest.mark.parametrize(
    ("definition", "words", "keywords", "message"),
    [
        (typed.definition, ["a"], [], "missing a required argument: 'box'"),
        (typed.definition, ["a", "{}", "b", "c", "d", "e"], [], "too many positional arguments"),
        (typed.definition, ["a", '{"width": 2}'], ["colour=red"], "unexpected keyword argument 'colour'"),
        (typed.definition, ["a", '{"width": "x"}'], [], "the argument 'box'"),
        (typed.definition, ["a", "not json"], [], "the argument 'box'"),
        (typed.definition, ["a", '{"width": 2}'], ["count=x"], "the argument 'count' (int) cannot be 'x'"),
        (typed.definition, ["a", '{"width": 2}'], ["count"], "give name=value"),
        (many.definition, ["1", "two"], [], "the argument 'numbers' (int) cannot be 'two'"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(
    definition: WorkflowDefinition, words: list[str], keywords: list[str], message: str
) -> None:
    with pytest.raises(click.ClickException) as caught:
        parse_call(definition, words, keywords)
    assert message in caught.value.message
    assert caught.value.exit_code == 2


def test_a_whole_input() -> None:
    assert parse_input(typed.definition, '["a", {"width": 1}]') == (["a", Box(1)], {})
    assert parse_input(typed.definition, '{"id": "a", "box": {"width": 1}}') == (
        [],
        {"id": "a", "box": Box(1)},
    )
    for wrong in ("7", "{"):
        with pytest.raises(click.ClickException):
            parse_input(typed.definition, wrong)
