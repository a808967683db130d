"""Words of the command line as arguments of a function: JSON where it is JSON, text otherwise, by annotation."""

import inspect
import json
from collections.abc import Sequence
from typing import Any

from stepwell.cli.exits import Exit, Failure
from stepwell.core.definition import WorkflowDefinition
from stepwell.errors import UnreadablePayload
from stepwell.serde.coder import Coder
from stepwell.serde.hints import hints_of
from stepwell.serde.serializer import Serializer


def parse_call(
    definition: WorkflowDefinition, words: Sequence[str], keywords: Sequence[str]
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments (`name=value`) that the workflow takes. Raises Failure."""
    named: dict[str, str] = {}
    for keyword in keywords:
        name, equals, value = keyword.partition("=")
        if not equals or not name.isidentifier():
            raise Failure(f"{keyword!r} is no keyword argument: give name=value", Exit.USAGE)
        named[name] = value
    signature = call_signature(definition)
    try:
        signature.bind(*words, **named)
    except TypeError as error:
        raise Failure(f"{definition.name}: {error}", Exit.USAGE, f"It takes {signature}.") from None
    parameters = list(signature.parameters.values())
    args = [_typed(definition, _positional(parameters, place), word) for place, word in enumerate(words)]
    kwargs = {name: _typed(definition, _named(parameters, name), word) for name, word in named.items()}
    return args, kwargs


def parse_input(definition: WorkflowDefinition, text: str) -> tuple[list[Any], dict[str, Any]]:
    """A whole call as JSON: an array of positional arguments, or an object of keyword arguments. Raises Failure."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Failure(f"--input is not JSON: {error}", Exit.USAGE) from None
    if not isinstance(value, list | dict):
        raise Failure("--input takes an array of arguments, or an object of keyword arguments", Exit.USAGE)
    if isinstance(value, list):
        return parse_call(definition, [json.dumps(each) for each in value], [])
    return parse_call(definition, [], [f"{name}={json.dumps(each)}" for name, each in value.items()])


def parse_value(text: str) -> Any:
    """JSON where it parses, text otherwise."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def call_signature(definition: WorkflowDefinition) -> inspect.Signature:
    """Without `self`."""
    signature = definition.signature
    if definition.is_method:
        return signature.replace(parameters=list(signature.parameters.values())[1:])
    return signature


def _typed(definition: WorkflowDefinition, parameter: inspect.Parameter, word: str) -> Any:
    hint = hints_of(definition.fn).get(parameter.name, Any)
    coder: Coder = Serializer().value(hint)
    problem = ""
    for text in _readings(word):
        try:
            return coder.decode(text)
        except UnreadablePayload as error:
            problem = str(error)
    told = problem.partition("Expected ")[2]
    expected = f" Expected {told}" if told else ""
    wanted = f"{parameter.name!r} ({inspect.formatannotation(hint)})"
    raise Failure(f"{definition.name}: the argument {wanted} cannot be {word!r}.{expected}", Exit.USAGE)


def _readings(word: str) -> list[str]:
    as_text = json.dumps(word)
    try:
        json.loads(word)
    except ValueError:
        return [as_text]
    return [word, as_text]


def _positional(parameters: list[inspect.Parameter], place: int) -> inspect.Parameter:
    taking = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    if place < len(taking):
        return taking[place]
    return next(each for each in parameters if each.kind is each.VAR_POSITIONAL)


def _named(parameters: list[inspect.Parameter], name: str) -> inspect.Parameter:
    for each in parameters:
        if each.name == name and each.kind is not each.POSITIONAL_ONLY:
            return each
    return next(each for each in parameters if each.kind is each.VAR_KEYWORD)
