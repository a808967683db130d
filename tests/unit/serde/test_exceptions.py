"""Recording a failure never fails; reading it gives the same type, arguments and attributes where it can."""

import asyncio
import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.errors import NotSerializable, StepTimeout, WaitTimeout, WorkflowCancelled, WorkflowFailed
from stepwell.serde.exceptions import decode_exception, encode_exception
from stepwell.serde.same import same
from stepwell.serde.serializer import Serializer
from tests.unit.serde.shapes import Money, Opaque
from tests.unit.serde.test_round_trip import values


class Declined(Exception):
    """Its constructor takes something else than its arguments: pickle fails on such ones."""

    made = 0

    def __init__(self, order: str, *, code: int) -> None:
        super().__init__(f"order {order} was declined")
        self.order = order
        self.code = code
        type(self).made += 1


class Slotted(Exception):
    __slots__ = ("empty", "place")

    def __init__(self, place: str | None) -> None:
        super().__init__()
        self.place = place


class WithProperty(Exception):
    kind = "default"

    @property
    def upper(self) -> str:
        return str(self.args[0]).upper()


class NoFile(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "not there", path)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("boom")

    __repr__ = __str__


class MuteText(str):
    def __str__(self) -> str:
        raise RuntimeError("boom")

    __repr__ = __str__


class Odd(Exception):
    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.lock = Opaque()

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("boom")

    def __reduce__(self) -> Any:
        raise RuntimeError("boom")


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return raised


def round_trip(error: BaseException) -> BaseException:
    back = decode_exception(encode_exception(caught(error)))
    assert type(back) is type(error)
    assert isinstance(back.__cause__, WorkflowFailed)
    return back


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x", 1, (2, b"3"), Money(5)),
        KeyError("k"),
        OSError(2, "not there", "a/b"),
        FileNotFoundError(2, "not there", "a", None, "b"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"),
        StopIteration(5),
        ImportError("x", name="n", path="p"),
        SyntaxError("bad", ("file", 1, 2, "text", 1, 3)),
        AttributeError("x", name="n"),
        AssertionError(),
        ZeroDivisionError("\ud800\0ü"),
        NoFile("a/b"),
        WaitTimeout("too long"),
        StepTimeout("too long"),
        WorkflowCancelled("gone", reason="deadline"),
        NotSerializable("no", path="result.x"),
        WorkflowFailed("m", type_name="t", data={"a": (1,)}, traceback_text="tb"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_own_types_come_back(error: Exception) -> None:
    back = round_trip(error)
    assert same(back.args, error.args)
    assert same(vars(back), vars(error))
    assert str(back) == str(error)
    for name in (
        "errno",
        "filename",
        "filename2",
        "reason",
        "object",
        "value",
        "name",
        "path",
        "lineno",
        "text",
    ):
        assert getattr(back, name, None) == getattr(error, name, None)


def test_constructors_are_not_called_again() -> None:
    error = Declined("o-1", code=51)
    made = Declined.made
    back = round_trip(error)
    assert isinstance(back, Declined)
    assert (str(back), back.order, back.code, Declined.made) == ("order o-1 was declined", "o-1", 51, made)


def test_attributes_in_slots_notes_and_over_class_defaults() -> None:
    slotted = round_trip(Slotted("here"))
    assert isinstance(slotted, Slotted)
    assert slotted.place == "here"
    assert not hasattr(slotted, "empty")
    nothing = round_trip(Slotted(None))
    assert isinstance(nothing, Slotted)
    assert nothing.place is None
    error = WithProperty("x")
    error.kind = "special"
    error.add_note("a note")
    back = round_trip(error)
    assert isinstance(back, WithProperty)
    assert (back.kind, back.upper, back.__notes__) == ("special", "X", ["a note"])


def test_attributes_that_json_cannot_carry_are_left_out() -> None:
    error = ValueError("x")
    error.lock = Opaque()  # type: ignore[attr-defined]
    error.code = 5  # type: ignore[attr-defined]
    assert vars(round_trip(error)) == {"code": 5}


def test_arguments_that_json_cannot_carry_become_their_repr() -> None:
    back = round_trip(ValueError("x", Opaque(), MuteText("y"), [Opaque()]))
    assert back.args[0] == "x"
    assert all(isinstance(arg, str) for arg in back.args)
    assert "Opaque" in back.args[1]
    assert "MuteText" in back.args[2]


def test_the_recorded_form_is_the_cause() -> None:
    back = round_trip(Declined("o-1", code=51))
    recorded = back.__cause__
    assert isinstance(recorded, WorkflowFailed)
    assert recorded.type_name == f"{__name__}:Declined"
    assert recorded.message == "order o-1 was declined"
    assert recorded.data == {"order": "o-1", "code": 51}
    assert "Declined: order o-1 was declined" in recorded.traceback_text
    assert "in caught" in recorded.traceback_text


def test_a_type_that_is_not_at_hand_is_workflow_failed() -> None:
    class Local(Exception):
        pass

    back = decode_exception(encode_exception(Local("why")))
    assert type(back) is WorkflowFailed
    assert back.message == "why"
    assert back.type_name.endswith("<locals>.Local")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError("x"), GeneratorExit()])
def test_control_flow_is_recorded_but_does_not_come_back(error: BaseException) -> None:
    back = decode_exception(encode_exception(error))
    assert type(back) is WorkflowFailed
    assert back.type_name.endswith(":" + type(error).__name__)


def test_causes_and_contexts_are_kept_and_circles_survived() -> None:
    first, second, third = ValueError("1"), KeyError("2"), OSError("3")
    first.__cause__, second.__context__, third.__cause__ = second, third, first
    back = decode_exception(encode_exception(first))
    chain = []
    link = back.__cause__
    while link is not None:
        assert isinstance(link, WorkflowFailed)
        chain.append(link.type_name)
        link = link.__cause__
    assert chain == ["builtins:ValueError", "builtins:KeyError", "builtins:OSError"]
    second.__suppress_context__ = True
    assert "OSError" not in json.dumps(json.loads(encode_exception(first))["cause"])


def test_groups_keep_their_members() -> None:
    members: list[Exception] = [
        Declined("o", code=1),
        ExceptionGroup("inner", [ValueError(5), KeyError("k")]),
    ]
    back = round_trip(ExceptionGroup("all", members))
    assert isinstance(back, ExceptionGroup)
    assert back.message == "all"
    assert isinstance(back.exceptions[0], Declined)
    inner = back.exceptions[1]
    assert isinstance(inner, ExceptionGroup)
    assert [repr(member) for member in inner.exceptions] == ["ValueError(5)", "KeyError('k')"]
    assert back.split(KeyError)[0] is not None


def test_members_that_do_not_come_back_stand_as_workflow_failed() -> None:
    back = decode_exception(encode_exception(BaseExceptionGroup("all", [KeyboardInterrupt(), ValueError(1)])))
    assert type(back) is WorkflowFailed

    class Local(Exception):
        pass

    back = decode_exception(encode_exception(ExceptionGroup("all", [Local("x"), ValueError(1)])))
    assert isinstance(back, ExceptionGroup)
    assert [type(member) for member in back.exceptions] == [WorkflowFailed, ValueError]


def test_a_class_that_claims_another_name() -> None:
    for module, qualname in [
        ("os", "system"),
        ("builtins", "SystemExit"),
        (5, "x"),
        ("builtins", "KeyError"),
    ]:
        liar = type("Liar", (Exception,), {"__module__": module, "__qualname__": qualname})
        back = decode_exception(encode_exception(liar("x")))
        assert type(back) is (KeyError if qualname == "KeyError" else WorkflowFailed)


def bottomless() -> Exception:
    error: Exception = ValueError("end")
    for n in range(500):
        outer = ValueError(n)
        outer.__cause__ = error
        error = outer
    return error


def nested_groups() -> Exception:
    error: Exception = ValueError("end")
    for n in range(100):
        members: list[Exception] = [error, ValueError(n)]
        error = ExceptionGroup(str(n), members)
    return error


def monstrous() -> Exception:
    error = ValueError("m" * 10_000_000, b"x" * 1_000_000, ["y" * 100_000], *range(10_000))
    for n in range(1000):
        setattr(error, f"attribute_{n}", "z" * 1000)
    error.add_note("n" * 1_000_000)
    return error


def crowd() -> Exception:
    return ExceptionGroup("all", [ValueError("ü" * 10_000, *[[Opaque()] * 100] * 50) for _ in range(50)])


def unreadable_dict() -> Exception:
    error = ValueError("x")
    vars(error).update({"\ud800": 1, "": 2, "$t": 3, "type": 4, "args": 5})
    return error


def self_containing() -> Exception:
    error = ValueError()
    error.args = (error, [error])
    error.me = error  # type: ignore[attr-defined]
    error.__context__ = error
    return error


@pytest.mark.parametrize(
    "make",
    [
        Mute,
        lambda: ValueError(Mute()),
        lambda: ValueError(MuteText("x")),
        lambda: Odd("x"),
        bottomless,
        nested_groups,
        monstrous,
        crowd,
        unreadable_dict,
        self_containing,
        lambda: ExceptionGroup("many", [ValueError(n) for n in range(10_000)]),
        lambda: ValueError(10**5000),
        lambda: RecursionError("maximum recursion depth exceeded"),
    ],
    ids=lambda make: getattr(make, "__name__", "?"),
)
def test_nothing_that_an_exception_does_makes_recording_fail(make: Any) -> None:
    error = caught(make())
    text = encode_exception(error)
    assert text.isascii()
    assert len(text) < 500_000
    record = json.loads(text)
    assert record["type"]
    assert isinstance(record["message"], str)
    back = decode_exception(text)
    assert isinstance(back, Exception)
    if not isinstance(back, Odd):  # not even traceback can look at that one
        assert traceback.format_exception(back)


def _through(fn: Callable[[int], None], n: int) -> None:
    fn(n)  # frames that alternate are not folded into "repeated more times"


def test_long_parts_are_clipped_and_say_so() -> None:
    record = json.loads(encode_exception(caught(ValueError("m" * 100_000))))
    assert len(record["message"]) < 9000
    assert record["message"].endswith("[... 100000 characters]")
    assert len(record["traceback"]) <= 16 * 1024 + 10

    def recurse(n: int) -> None:
        if n:
            recurse(n - 1) if n % 2 else _through(recurse, n - 1)
        raise ValueError("the place where it happened")

    try:
        recurse(200)
    except ValueError as error:
        text = json.loads(encode_exception(error))["traceback"]
        assert text.endswith("ValueError: the place where it happened\n")


def test_a_tiny_cap_does_not_stop_failures() -> None:
    text, codec_id = Serializer(payload_cap=1).failure(ValueError("x"))
    assert repr(decode_exception(text, codec_id)) == "ValueError('x')"


@settings(max_examples=200, deadline=None)
@given(st.lists(values, max_size=3), st.dictionaries(st.text("abc_", min_size=1), values, max_size=3))
def test_arguments_and_attributes_of_any_kind(args: list[object], data: dict[str, object]) -> None:
    error = WithProperty(*args)
    for name, value in data.items():
        vars(error)[name] = value
    back = decode_exception(encode_exception(error))
    assert isinstance(back, WithProperty)
    assert same(back.args, error.args)
    assert same(vars(back), vars(error))
