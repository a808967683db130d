"""Calls from JSON lines: each is checked before the first is started, and none is kept in memory."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, NoReturn

import click
import msgspec

from stepwell.cli.exits import Exit, Failure
from stepwell.cli.options import Duration
from stepwell.core.definition import BoundCall
from stepwell.decorators import Workflow
from stepwell.errors import InvalidArgument, PayloadTooLarge, UnreadablePayload
from stepwell.serde.serializer import Serializer

#: What a line that is an object may say, besides args and kwargs.
LINE_OPTIONS = ("id", "queue", "priority", "partition", "dedup", "delay", "expires", "attributes")

_BOM = b"\xef\xbb\xbf"


class Arguments:
    """Of one workflow: JSON values become what its annotations say."""

    def __init__(self, workflow: Workflow[..., Any], payload_cap: int) -> None:
        definition = workflow.definition
        self.name = definition.name
        self._cap = payload_cap
        self._coder = Serializer(payload_cap=payload_cap).arguments(definition.fn, 1 if definition.is_method else 0)

    def read(self, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call. Raises InvalidArgument."""
        if not isinstance(args, list):
            raise InvalidArgument("args must be a JSON array")
        if not isinstance(kwargs, dict):
            raise InvalidArgument("kwargs must be a JSON object")
        text = json.dumps({"args": args, "kwargs": kwargs}, ensure_ascii=False)
        try:
            values, named = self._coder.decode(text)
            if len(text) > self._cap // 2:
                self._coder.encode(tuple(values), named)
        except (UnreadablePayload, PayloadTooLarge) as error:
            raise InvalidArgument(str(error)) from error
        return tuple(values), named


class Lines:
    """A file of JSON lines as calls of one workflow. Each line is an array of positional arguments, or an object:
    {"args": [...], "kwargs": {...}, "id": ..., "queue": ..., ...}. Empty lines are passed over."""

    def __init__(self, file: BinaryIO, workflow: Workflow[..., Any], arguments: Arguments, id_prefix: str | None):
        self._file = file
        self._workflow = workflow
        self._arguments = arguments
        self._id_prefix = id_prefix

    def check(self) -> int:
        """How many calls there are. Raises Failure naming the first line that cannot be started, or that has the id of
        a line before it and says something else."""
        number = 0
        met: dict[str, tuple[int, int]] = {}
        for place, line, call in self._calls(self._workflow):
            number += 1
            id, said = call.options.id, hash(line.strip())
            if id is not None and met.setdefault(id, (place, said))[1] != said:
                _refuse(place, f"line {met[id][0]} has the id {id!r} too, and says something else")
        return number

    def chunks(self, engine: object, size: int) -> Iterator[tuple[int, int, list[BoundCall[Any]]]]:
        """The calls on that engine, up to `size` at once, with their first and last line."""
        calls = self._calls(self._workflow.options(engine=engine))
        while chunk := list(islice(calls, size)):
            yield chunk[0][0], chunk[-1][0], [call for _, _, call in chunk]

    def _calls(self, workflow: Workflow[..., Any]) -> Iterator[tuple[int, bytes, BoundCall[Any]]]:
        self._file.seek(0)
        for place, line in enumerate(self._file, 1):
            text = line.removeprefix(_BOM) if place == 1 else line
            if text.strip():
                yield place, text, self._call(workflow, place, text)

    def _call(self, workflow: Workflow[..., Any], place: int, text: bytes) -> BoundCall[Any]:
        try:
            said = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            _refuse(place, f"this is not JSON: {error}")
        if isinstance(said, list):
            said = {"args": said}
        if not isinstance(said, dict):
            _refuse(place, "a line is an array of arguments, or an object with args, kwargs and options")
        try:
            options = _options(said)
            if self._id_prefix is not None:
                options.setdefault("id", f"{self._id_prefix}{place}")
            args, kwargs = self._arguments.read(said.get("args", []), said.get("kwargs", {}))
            return workflow.options(**options).bind(*args, **kwargs)
        except (InvalidArgument, TypeError) as error:
            _refuse(place, str(error))


def _options(said: dict[str, Any]) -> dict[str, Any]:
    unknown = said.keys() - {"args", "kwargs", *LINE_OPTIONS}
    if unknown:
        known = ", ".join(("args", "kwargs", *LINE_OPTIONS))
        raise InvalidArgument(f"there is no {', '.join(map(repr, sorted(unknown)))} in a line, only {known}")
    options = {name: said[name] for name in LINE_OPTIONS if said.get(name) is not None}
    for name in ("delay", "expires"):
        if isinstance(options.get(name), str):
            options[name] = _seconds(options[name], name)
    return options


def _seconds(text: str, name: str) -> float:
    try:
        return Duration().convert(text, None, None)
    except click.BadParameter as error:
        raise InvalidArgument(f"{name}: {error.message}") from None


def _refuse(place: int, problem: str) -> NoReturn:
    raise Failure(f"line {place}: {problem}", Exit.USAGE, "Nothing was started.")
