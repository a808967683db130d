"""Exceptions out of text: as their own type if that is at hand, else as WorkflowFailed.

A row is not trusted. Its type is looked up among modules that are already imported and must be an Exception;
its constructor is not called (no code of the class runs), the recorded arguments and attributes are put in
place. Control flow (CancelledError, SystemExit, the engine's own) never comes out of a row.
"""

import contextlib
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from stepwell.errors import ReplayMismatch, UnreadablePayload, WorkflowFailed
from stepwell.serde.names import find_class
from stepwell.serde.objects import HEAP_TYPE
from stepwell.serde.text import from_text
from stepwell.serde.untag import Untagger

#: Exceptions that mean something to the engine when they pass through a workflow.
_NEVER = (ReplayMismatch,)

_UNREADABLE = "The recorded failure cannot be read."

#: Deeper causes are in the traceback's text.
_MAX_CAUSES = 50

_untagger = Untagger()  # reads no pickles, whatever the engine is configured to do


def decode_exception(text: str, codec_id: str | None = None) -> BaseException:
    """The exception of a recorded failure, to be raised; its `__cause__` is a WorkflowFailed, as recorded.

    Args:
        text: what `encode_exception` made; other text becomes a WorkflowFailed that says so.
        codec_id: must be None: text that went through a codec is opened by `Serializer.read_failure`.

    Raises:
        UnreadablePayload: `codec_id` is given.
    """
    if codec_id is not None:
        raise UnreadablePayload(f"The recorded failure went through the codec {codec_id[:100]!r}.")
    try:
        record = from_text(text)
    except UnreadablePayload:
        record = None
    if type(record) is not dict:
        return WorkflowFailed(_UNREADABLE)
    return _exception(record, 0)


def _exception(record: dict[str, Any], depth: int) -> BaseException:
    recorded = _recorded_form(record, depth)
    try:
        error = _rebuilt(record, depth)
    except Exception:
        error = None
    if error is None:
        return recorded
    BaseException.__dict__["__cause__"].__set__(error, recorded)
    return error


def _recorded_form(record: dict[str, Any], depth: int) -> WorkflowFailed:
    type_name = _text(record.get("type"))
    message = _text(record.get("message"))
    failed = WorkflowFailed(
        message or type_name or _UNREADABLE,
        type_name=type_name,
        data=record.get("data"),
        traceback_text=_text(record.get("traceback")),
    )
    cause = record.get("cause")
    if type(cause) is dict and depth < _MAX_CAUSES:
        failed.__cause__ = _recorded_form(cause, depth + 1)
    return failed


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _rebuilt(record: dict[str, Any], depth: int) -> BaseException | None:
    cls = find_class(record["type"])
    if cls is None or not issubclass(cls, Exception) or issubclass(cls, _NEVER):
        return None
    if type(record["args"]) is not list:
        return None
    args = tuple(map(_read, record["args"]))
    if issubclass(cls, BaseExceptionGroup):
        error = _group(cls, args, record, depth)
    else:
        error = _bare(cls, args)
        BaseException.__dict__["args"].__set__(error, args)
    for name, plain in record.get("data", {}).items():
        _put(error, name, _read(plain))
    return error


def _bare(cls: type[Exception], args: tuple[Any, ...]) -> Exception:
    """An instance without its constructor: C fields are among the recorded attributes."""
    base: Any = next(base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE)
    error: Exception = base.__new__(cls, *args)
    return error


def _group(cls: Any, args: tuple[Any, ...], record: dict[str, Any], depth: int) -> Exception:
    if depth >= _MAX_CAUSES:
        raise RecursionError
    members = [_exception(member, depth + 1) for member in record["members"]]
    message = args[0] if args and type(args[0]) is str else _text(record.get("message"))
    group: Exception = BaseExceptionGroup.__new__(cls, message, members)
    return group


def _put(error: Exception, name: str, value: Any) -> None:
    member = next((vars(base)[name] for base in type(error).__mro__ if name in vars(base)), None)
    if member is None:
        BaseException.__dict__["__dict__"].__get__(error)[name] = value
    elif isinstance(member, MemberDescriptorType | GetSetDescriptorType) and not name.startswith("__"):
        with contextlib.suppress(AttributeError, TypeError):  # read-only, or not of the type that C wants
            member.__set__(error, value)
    elif not callable(member) and not hasattr(type(member), "__set__"):
        # A default on the class that the instance had overridden; methods and properties stay the class's.
        BaseException.__dict__["__dict__"].__get__(error)[name] = value


def _read(plain: Any) -> Any:
    return plain if type(plain) not in (dict, list) else _untagger.read(plain)
