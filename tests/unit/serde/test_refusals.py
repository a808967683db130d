"""What cannot be carried is refused with the place and the fix, and nothing of the value in the message."""

import dataclasses
import datetime
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell.errors import ConfigurationError, NotSerializable, PayloadTooLarge, UnreadablePayload
from stepwell.serde.serializer import Serializer
from tests.unit.serde.shapes import Careless, Colour, Node, Opaque, Order, Point, Shrinking, Text

SERIALIZER = Serializer()
NOW = datetime.datetime(2024, 5, 17, tzinfo=datetime.UTC)


class Zone(datetime.tzinfo):
    """Its offset depends on the date, and nothing tells its name."""

    def utcoffset(self, at: datetime.datetime | None) -> datetime.timedelta | None:
        return None if at is None else datetime.timedelta(hours=at.month)

    def dst(self, at: datetime.datetime | None) -> None:
        return None

    def tzname(self, at: datetime.datetime | None) -> None:
        return None


class Evil:
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("boom")


class EvilMeta(type):
    def __getattribute__(cls, name: str) -> object:
        raise RuntimeError("boom")


class EvilClass(metaclass=EvilMeta):
    pass


class Endless(list[int]):
    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Opaque(), "result"),
        ({"items": [1, 2, 3, {"lock": threading.Lock()}]}, "result.items[3].lock"),
        ({"two words": Opaque()}, "result['two words']"),
        ({1: Opaque()}, "result[int]"),
        ({"a": {(1,): [Opaque()]}}, "result.a[tuple][0]"),
        ((1, [Opaque()]), "result[1][0]"),
        (Order("x", NOW, [Point(1)], note=[Opaque()]), "result.note[0]"),
        (Careless(tags={Opaque()}), "result.tags[0]"),  # type: ignore[arg-type]
        (lambda: 1, "result"),
        (iter([1]), "result"),
        (Opaque, "result"),
        (ValueError("an exception is no value"), "result"),
        (Text("x"), "result"),
        (defaultdict(int), "result"),
        (Endless([1]), "result"),
        (NOW.replace(tzinfo=Zone()), "result"),
        (Evil(), "result"),
        ([EvilClass()], "result[0]"),
        (Shrinking(5), "result"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("tp", [Any, dict[str, Any], int, str | None])
def test_the_path_names_the_place(value: object, path: str, tp: Any) -> None:
    with pytest.raises(NotSerializable) as caught:
        SERIALIZER.value(tp).encode(value)
    assert caught.value.path == path
    assert str(caught.value).startswith(caught.value.path)


def test_the_path_begins_with_what_is_asked_for() -> None:
    with pytest.raises(NotSerializable) as caught:
        SERIALIZER.value(Any).encode([Opaque()], "event 'x'")
    assert caught.value.path == "event 'x'[0]"


def test_messages_tell_the_fix_and_keep_the_value_secret() -> None:
    class Local(Opaque):
        pass

    for value, fix in [
        (Text("hunter2"), "pass str(...)"),
        ({"password": "hunter2", "x": Opaque()}, "dataclass"),
        (Careless("hunter2", Local()), "Local"),  # type: ignore[arg-type]
    ]:
        with pytest.raises(NotSerializable) as caught:
            SERIALIZER.value(Any).encode(value)
        assert fix in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_a_local_class_is_refused_where_only_a_tag_could_carry_it() -> None:
    @dataclasses.dataclass
    class Local:
        x: int

    with pytest.raises(NotSerializable, match="define it at module level"):
        SERIALIZER.value(Any).encode(Local(1))
    # An annotation needs no name.
    assert SERIALIZER.value(Local).decode(SERIALIZER.value(Local).encode(Local(1))[0]) == Local(1)


def test_a_class_that_claims_another_name() -> None:
    for module, qualname in [("os", "system"), ("tests.unit.serde.shapes", "Point"), ("builtins", "int")]:
        made = dataclasses.make_dataclass("Liar", ["x"])
        made.__module__, made.__qualname__ = module, qualname
        with pytest.raises(NotSerializable):
            SERIALIZER.value(Any).encode(made(1))


def test_a_class_that_claims_to_be_another() -> None:
    class Liar:
        __class__ = Colour  # type: ignore[assignment]

    assert isinstance(Liar(), Colour)
    with pytest.raises(NotSerializable):
        SERIALIZER.value(Any).encode(Liar())


@pytest.mark.parametrize("tp", [Any, list[Any], int, Node])
def test_values_that_contain_themselves(tp: Any) -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    twofold: dict[str, Any] = {}
    twofold["a"] = twofold["b"] = twofold
    node = Node(1)
    node.next = node
    for value in (endless, twofold, node, (endless,)):
        with pytest.raises(NotSerializable, match=r"nested|RecursionError"):
            SERIALIZER.value(tp).encode(value)


@pytest.mark.parametrize("tp", [Any, list[Any], object])
def test_depth_has_one_limit_whatever_the_stack(tp: Any) -> None:
    def nested(depth: int) -> list[Any]:
        value: list[Any] = [1]
        for _ in range(depth):
            value = [value]
        return value

    coder = SERIALIZER.value(tp)
    assert coder.decode(coder.encode(nested(150))[0]) == nested(150)
    with pytest.raises(NotSerializable):
        coder.encode(nested(300))


def test_the_cap_is_on_what_is_stored() -> None:
    coder = Serializer(payload_cap=20).value(Any)
    assert coder.encode("x" * 18)[0] == '"' + "x" * 18 + '"'
    with pytest.raises(PayloadTooLarge, match="21 bytes"):
        coder.encode("x" * 19)
    with pytest.raises(PayloadTooLarge):
        coder.encode("\u1234" * 4)  # six bytes each when escaped
    with pytest.raises(PayloadTooLarge, match="the input"):
        Serializer(payload_cap=20).arguments(lambda a: None).encode(("x" * 19,), {})
    with pytest.raises(ConfigurationError):
        Serializer(payload_cap=0)


@pytest.mark.parametrize(
    ("tp", "text"),
    [
        (int, '"hunter2"'),
        (Point, '{"y":"hunter2"}'),
        (datetime.datetime, '"hunter2"'),
        (Any, "hunter2"),
        (Any, ""),
        (Any, "[NaN]"),
        (Any, '{"$t":"hunter2"}'),
        (Any, '{"$t":"date","v":"hunter2"}'),
        (Any, '{"$t":"date"}'),
        (Any, '{"$t":5,"v":1}'),
        (Any, '{"$t":["date"],"v":1}'),
        (Any, '{"$t":"dict","v":[["hunter2"]]}'),
        (Any, '{"$t":"set","v":[[1]]}'),
        (Any, '{"$t":"tests.unit.serde.shapes:Point","v":{"y":1}}'),
        (Any, '{"$t":"tests.unit.serde.shapes:Colour","v":"hunter2"}'),
        (Any, "[" * 100_000 + "]" * 100_000),
        (Any, '{"$t":"any","v":' * 100_000 + "1" + "}" * 100_000),
        *[(tp, "[" * n + '{"$t":5}' + "]" * n) for tp in (Any, int) for n in (300, 500, 700, 900)],
        (Any, "1" * 10_000),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_unreadable_text_is_told_without_quoting_it(tp: Any, text: str) -> None:
    with pytest.raises(UnreadablePayload) as caught:
        SERIALIZER.value(tp).decode(text)
    if "$t" not in text or "v" in text:
        assert "hunter2" not in str(caught.value)
