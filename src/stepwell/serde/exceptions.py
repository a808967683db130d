"""Exceptions as text: recording a failure can never fail.

    {"type": "shop:Declined", "message": "card expired", "args": ["card expired"], "data": {"code": 51},
     "traceback": "...", "cause": {...}}

Everything is taken under guard and clipped: `__str__` that raises, arguments that JSON cannot carry (their
clipped repr), causes in circles, groups of thousands, megabytes of message. rebuild.py is the way back.
"""

import contextlib
import traceback
from collections.abc import Iterator
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from stepwell.serde.leaves import LEAVES, is_text
from stepwell.serde.names import name_of
from stepwell.serde.objects import HEAP_TYPE
from stepwell.serde.rebuild import decode_exception
from stepwell.serde.tags import Tagger
from stepwell.serde.text import to_text

#: Limits, in characters of JSON unless said otherwise.
MAX_MESSAGE = 8 * 1024  # of the outermost exception
MAX_TRACEBACK = 16 * 1024  # its end is kept: the place where it happened
MAX_VALUE = 16 * 1024  # one argument or attribute
MAX_DATA = 64 * 1024  # all of them together
MAX_REPR = 1024  # also the messages of causes and members
MAX_LINKED = 50  # causes and members of groups, all levels together

_tagger = Tagger()


def encode_exception(error: BaseException) -> str:
    """JSON text for an exception; at most a few hundred KiB. Never raises an Exception."""
    try:
        return to_text(_Recorder().record(error))
    except Exception as fault:
        return encode_unrecordable(error, f"recording it raised {type(fault).__name__}")


def encode_unrecordable(error: BaseException, why: str) -> str:
    """The least that can be said about an exception: its type, and why there is no more."""
    message = f"(not recorded: {why})"
    return to_text({"type": _utf8(name_of(type(error))), "message": message, "args": [message]})


class _Recorder:
    def __init__(self) -> None:
        self._linked = 0
        self._seen: set[int] = set()
        self._room = MAX_DATA

    def record(self, error: BaseException) -> dict[str, Any]:
        self._seen.add(id(error))
        limit = MAX_MESSAGE if self._linked == 0 else MAX_REPR
        record: dict[str, Any] = {"type": _utf8(name_of(type(error))), "message": _message(error, limit)}
        args, exact = self._args(error)
        record["args"] = args
        if not exact:
            record["inexact"] = True
        data = self._data(error)
        if data:
            record["data"] = data
        if self._linked == 0:  # the outermost; it shows those of its causes too
            record["traceback"] = _traceback(error)
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None and self._may_follow(cause):
            record["cause"] = self.record(cause)
        if isinstance(error, BaseExceptionGroup):
            members = _members(error)
            record["members"] = [self.record(member) for member in members if self._may_follow(member)]
            if len(record["members"]) < len(members):
                record["members_left_out"] = len(members) - len(record["members"])
        return record

    def _may_follow(self, error: BaseException) -> bool:
        if id(error) in self._seen or self._linked >= MAX_LINKED:
            return False
        self._linked += 1
        return True

    def _args(self, error: BaseException) -> tuple[list[Any], bool]:
        args = BaseException.__dict__["args"].__get__(error)
        if isinstance(error, BaseExceptionGroup):
            args = args[:1]  # the members have their own place
        out, exact = [], True
        for value in args[:MAX_LINKED]:
            plain, is_exact = self._value(value)
            exact = exact and is_exact
            out.append(plain)
        return out, exact and len(args) <= MAX_LINKED

    def _data(self, error: BaseException) -> dict[str, Any]:
        """Attributes that JSON can carry; the others are left out."""
        data: dict[str, Any] = {}
        for name, value in _attributes(error):
            plain, exact = self._value(value)
            if exact and is_text(name):
                data[name] = plain
        return data

    def _value(self, value: Any) -> tuple[Any, bool]:
        with contextlib.suppress(Exception):
            plain = _tagger.dump(value)
            size = len(to_text(plain))
            if size <= min(MAX_VALUE, self._room):
                self._room -= size
                return plain, True
        if self._room < MAX_REPR:
            return "[...]", False
        text = _repr(value)
        self._room -= len(text)
        return text, False


def _attributes(error: BaseException) -> Iterator[tuple[str, Any]]:
    """What an exception carries besides its arguments: `__dict__`, slots, and C fields (OSError.filename)."""
    try:
        yield from list(BaseException.__dict__["__dict__"].__get__(error).items())
    except Exception:
        return
    for base in type(error).__mro__:
        if base in (BaseException, BaseExceptionGroup):
            return
        is_builtin = not base.__flags__ & HEAP_TYPE
        for name, member in vars(base).items():
            if isinstance(member, MemberDescriptorType | GetSetDescriptorType) and not name.startswith("__"):
                try:
                    value = member.__get__(error)
                except Exception:
                    continue  # a slot that was never set
                if not (value is None and is_builtin):
                    yield name, value


def _members(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    return list(BaseExceptionGroup.__dict__["exceptions"].__get__(group))


def _message(error: BaseException, limit: int) -> str:
    try:
        text = str(error)
    except Exception as fault:
        text = f"(its __str__ raised {type(fault).__name__})"
    return _clip(text, limit)


def _traceback(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:
        text = _stack(error)
    text = _utf8(text)
    return text if len(text) <= MAX_TRACEBACK else "[...]\n" + text[-MAX_TRACEBACK:]


def _stack(error: BaseException) -> str:
    try:
        return "".join(traceback.format_tb(error.__traceback__))
    except Exception:
        return ""


def _repr(value: Any) -> str:
    leaf = LEAVES.get(type(value))
    try:
        # A long str or bytes: its beginning, rather than a quarter of a gigabyte of repr first.
        text = repr(value[:MAX_REPR] if leaf is not None and isinstance(value, str | bytes) else value)
    except Exception:
        text = f"<{name_of(type(value))}>"
    return _clip(text, MAX_REPR)


def _clip(text: str, limit: int) -> str:
    text = str.__str__(text)
    return _utf8(text) if len(text) <= limit else _utf8(text[:limit]) + f" [... {len(text)} characters]"


def _utf8(text: str) -> str:
    return text if is_text(text) else text.encode("utf-8", "backslashreplace").decode()


__all__ = ["decode_exception", "encode_exception", "encode_unrecordable"]
