"""Calls as text, and what is known of a function's annotations."""

import functools
import gc
import json
import threading
import weakref
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec
import pytest

from stepwell.errors import NotSerializable, UnreadablePayload
from stepwell.serde.serializer import Serializer
from tests.unit.serde.shapes import Opaque, Point

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]

T = TypeVar("T")


class Box(msgspec.Struct, Generic[T]):
    inside: T


def ship(order: str, when: date, /, *items: Point, note: "str | None" = None, **more: set[int]) -> list[Point]:
    return []


def half_known(point: Point, missing: "Missing", day: "date") -> "Missing":
    return missing


def bare(a, b=2):  # type: ignore[no-untyped-def]
    return a


def generic(box: Box[int], some: Annotated[int, msgspec.Meta(ge=0)], same: T) -> T:
    return same


@pytest.fixture
def serializer() -> Serializer:
    return Serializer()


def test_a_call_reads_like_a_call(serializer: Serializer) -> None:
    coder = serializer.arguments(ship)
    args = ("o-1", date(2024, 5, 17), Point(1), Point(2, 3))
    kwargs = {"note": "ü", "days": {2, 1}}
    text, codec_id = coder.encode(args, kwargs)
    assert codec_id is None
    assert text == (
        '{"args":["o-1","2024-05-17",{"x":1,"y":0},{"x":2,"y":3}],"kwargs":{"note":"\\u00fc","days":[1,2]}}'
    )
    assert coder.decode(text) == (list(args), kwargs)


def test_arguments_left_out_are_left_out(serializer: Serializer) -> None:
    assert serializer.arguments(bare).encode((), {}) == ('{"args":[]}', None)
    assert serializer.arguments(bare).encode((1,), {}) == ('{"args":[1]}', None)
    assert serializer.arguments(bare).decode("{}") == ([], {})
    assert serializer.arguments(bare).decode('{"kwargs":{"b":1}}') == ([], {"b": 1})


def test_names_of_positional_only_parameters_may_be_keywords(serializer: Serializer) -> None:
    """In ship(..., order={1}) `order` is one of **more, not the first parameter."""
    coder = serializer.arguments(ship)
    text = coder.encode(("o", date.max), {"order": {1}})[0]
    assert text == '{"args":["o","9999-12-31"],"kwargs":{"order":[1]}}'
    args, kwargs = coder.decode(text)
    assert args == ["o", date.max]
    assert kwargs == {"order": {1}}


def test_values_of_other_types_than_annotated_come_back_as_they_were(serializer: Serializer) -> None:
    coder = serializer.arguments(ship)
    args = [5, "not a date", (1, 2)]
    assert coder.decode(coder.encode(tuple(args), {"note": b"x"})[0]) == (args, {"note": b"x"})


def test_leading_parameters_can_be_skipped(serializer: Serializer) -> None:
    def method(self: object, when: date) -> None: ...

    assert serializer.arguments(method, skip=1).encode((date.max,), {})[0] == '{"args":["9999-12-31"]}'
    assert serializer.arguments(method).encode((1, date.max), {})[0] == '{"args":[1,"9999-12-31"]}'


def test_more_arguments_than_parameters_are_kept(serializer: Serializer) -> None:
    """A row may have been written by another version of the function."""
    coder = serializer.arguments(bare)
    assert coder.decode('{"args":[1,2,3],"kwargs":{"gone":4}}') == ([1, 2, 3], {"gone": 4})


def test_the_path_begins_with_the_parameter(serializer: Serializer) -> None:
    for args, kwargs, path in [
        ((Opaque(), date.max), {}, "order"),
        (("o", date.max, Point(1), [Opaque()]), {}, "args[3][0]"),
        (("o", date.max), {"note": {"x": Opaque()}}, "note.x"),
        (("o", date.max), {"extra": Opaque()}, "extra"),
    ]:
        with pytest.raises(NotSerializable) as caught:
            serializer.arguments(ship).encode(args, kwargs)  # type: ignore[arg-type]
        assert caught.value.path == path


def test_unreadable_input_names_the_parameter(serializer: Serializer) -> None:
    with pytest.raises(UnreadablePayload, match="'when'"):
        serializer.arguments(ship).decode('{"args":["o","not a date"]}')
    for text in ("", "[]", "5", '{"args":5}', '{"args":[', '{"kwargs":[]}'):
        with pytest.raises(UnreadablePayload):
            serializer.arguments(ship).decode(text)


def test_keywords_of_any_text(serializer: Serializer) -> None:
    coder = serializer.arguments(ship)
    more: dict[str, Any] = {"ü": {1}, 'quo"te\0': {2}, "$t": {3}}
    text = coder.encode(("o", date.max), more)[0]
    assert text.isascii()
    assert coder.decode(text)[1] == more
    with pytest.raises(NotSerializable):
        coder.encode(("o", date.max), {"\ud800": {1}})


def test_one_unknown_annotation_does_not_cost_the_others_theirs(serializer: Serializer) -> None:
    text = serializer.arguments(half_known).encode((Point(1), Point(2), date.max), {})[0]
    assert json.loads(text)["args"] == [
        {"x": 1, "y": 0},
        {"$t": "tests.unit.serde.shapes:Point", "v": {"x": 2, "y": 0}},
        "9999-12-31",
    ]
    assert serializer.arguments(half_known).decode(text)[0] == [Point(1), Point(2), date.max]
    assert serializer.result(half_known).type is Any


def test_generics(serializer: Serializer) -> None:
    coder = serializer.arguments(generic)
    text = coder.encode((Box(1), 5, Point(1)), {})[0]
    assert text.startswith('{"args":[{"inside":1},5,{"$t"')
    assert coder.decode(text)[0] == [Box(1), 5, Point(1)]
    outside = coder.encode((Box("x"), -5, None), {})[0]
    assert coder.decode(outside)[0] == [Box("x"), -5, None]


@pytest.mark.parametrize(
    "fn",
    [
        print,
        len,
        dict.get,
        lambda: 1,
        functools.partial(ship, "o"),
        Opaque,
        Serializer().result,
        type("Callable", (), {"__call__": lambda self: 1})(),
        type("Slotted", (), {"__slots__": (), "__call__": lambda self: 1})(),
    ],
    ids=lambda fn: type(fn).__name__,
)
def test_every_callable_has_a_result(serializer: Serializer, fn: Any) -> None:
    coder = serializer.result(fn)
    assert coder.decode(coder.encode((1,))[0]) in [(1,), [Point(1)]]


def test_annotations_behind_wrappers(serializer: Serializer) -> None:
    @functools.wraps(ship)
    def wrapper(*args: Any, **kwargs: Any) -> Any: ...

    class Callable:
        def __call__(self, day: date) -> date:
            return day

    assert serializer.result(wrapper).type == list[Point]
    assert serializer.result(functools.partial(ship, "o")).type == list[Point]
    assert serializer.result(Callable()).type is date


def test_coders_are_kept_but_do_not_keep_functions_alive(serializer: Serializer) -> None:
    def local(a: int) -> int:
        return a

    assert serializer.result(local) is serializer.result(local)
    assert serializer.arguments(local) is serializer.arguments(local)
    assert serializer.value(list[int]) is serializer.value(list[int])
    gone = weakref.ref(local)
    del local
    gc.collect()
    assert gone() is None


def test_unhashable_and_endless_annotations(serializer: Serializer) -> None:
    odd = Annotated[int, ["not hashable"]]
    assert serializer.value(odd).encode(5)[0] == "5"
    for n in range(5000):
        serializer.value(type(f"Made{n}", (), {}))
    assert serializer.value(int).encode(5)[0] == "5"


def test_threads_share_a_serializer(serializer: Serializer) -> None:
    functions = [eval(f"lambda a, n={n}: a") for n in range(200)]
    errors: list[BaseException] = []
    go = threading.Barrier(4)

    def work() -> None:
        try:
            go.wait()
            for fn in functions:
                assert serializer.result(fn).encode((1,))[0] == '{"$t":"tuple","v":[1]}'
                assert serializer.arguments(fn).encode((1,), {})[0] == '{"args":[1]}'
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
