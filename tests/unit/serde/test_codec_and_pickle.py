"""Codecs wrap what is stored; pickles exist only where asked for."""

import base64
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from stepwell.errors import ConfigurationError, NotSerializable, PayloadTooLarge, StepwellError, UnreadablePayload
from stepwell.serde.codec import Codec, CodecFault
from stepwell.serde.exceptions import decode_exception
from stepwell.serde.serializer import Serializer
from tests.unit.serde.shapes import Opaque, Point


class Deflated:
    codec_id = "deflate-1"

    def encode(self, text: str) -> str:
        return base64.b64encode(zlib.compress(text.encode())).decode()

    def decode(self, text: str) -> str:
        return zlib.decompress(base64.b64decode(text)).decode()


class Reversed:
    codec_id = "reversed"

    def encode(self, text: str) -> str:
        return text[::-1]

    def decode(self, text: str) -> str:
        return text[::-1]


class Broken:
    codec_id = "broken"

    def encode(self, text: str) -> str:
        raise OSError("the key server is away")

    def decode(self, text: str) -> Any:
        return None


class Odd:
    codec_id = "odd"

    def encode(self, text: str) -> str:
        return "\0"

    def decode(self, text: str) -> str:
        return text


def test_a_codec_wraps_values_arguments_and_failures() -> None:
    codec: Codec = Deflated()
    serializer = Serializer(codec=codec)
    secret = "hunter2" * 10
    for text, codec_id in (
        serializer.value(Any).encode(secret),
        serializer.arguments(lambda a: a).encode((secret,), {}),
        serializer.failure(ValueError(secret)),
        serializer.seal(f'"{secret}"'),
    ):
        assert codec_id == "deflate-1"
        assert "hunter2" not in text
        assert secret in serializer.plain(text, codec_id)
    assert serializer.value(Any).decode(*serializer.value(Any).encode(secret)) == secret
    coder = serializer.arguments(lambda a: a)
    assert coder.decode(*coder.encode((secret,), {})) == ([secret], {})
    assert repr(serializer.read_failure(*serializer.failure(ValueError(secret)))) == repr(ValueError(secret))


def test_rows_from_before_stay_readable() -> None:
    plain = Serializer().value(int).encode(5)
    old = Serializer(codec=Reversed()).value(int).encode(51)
    new = Serializer(codec=Deflated(), readers=[Reversed()]).value(int)
    assert new.decode(*plain) == 5
    assert new.decode(*old) == 51
    assert new.encode(5)[1] == "deflate-1"
    assert Serializer(readers=[Reversed()]).value(int).encode(5) == ("5", None)


def test_what_is_not_configured_is_not_read() -> None:
    serializer = Serializer(codec=Deflated())
    for read in (
        serializer.value(int).decode,
        serializer.arguments(len).decode,
        serializer.plain,
        serializer.read_failure,
        decode_exception,
    ):
        with pytest.raises(UnreadablePayload, match="reversed"):
            read("15", "reversed")
    with pytest.raises(CodecFault, match="deflate-1") as caught:
        serializer.value(int).decode("15", "deflate-1")
    assert caught.value.reading
    assert caught.value.__cause__ is not None
    with pytest.raises(CodecFault, match="NoneType"):
        Serializer(codec=Broken()).plain("x", "broken")


def test_two_codecs_under_one_id_are_refused() -> None:
    codec = Reversed()
    Serializer(codec=codec, readers=[codec])
    with pytest.raises(ConfigurationError, match="reversed"):
        Serializer(codec=codec, readers=[Reversed()])
    nameless = Reversed()
    nameless.codec_id = ""
    with pytest.raises(ConfigurationError, match="codec_id"):
        Serializer(codec=nameless)


def test_the_cap_is_on_what_the_codec_made() -> None:
    assert len(Serializer(codec=Deflated(), payload_cap=100).value(str).encode("x" * 1000)[0]) <= 100
    with pytest.raises(PayloadTooLarge):
        Serializer(codec=Deflated(), payload_cap=10).value(str).encode("x")


@pytest.mark.parametrize(("codec", "told"), [(Broken(), "raised OSError"), (Odd(), "NUL")], ids=["raises", "odd"])
def test_a_codec_that_fails_is_told_from_everything_else(codec: Codec, told: str) -> None:
    serializer = Serializer(codec=codec)
    calls: list[Callable[[], object]] = [
        lambda: serializer.value(int).encode(5),
        lambda: serializer.failure(ValueError("hunter2")),
    ]
    for call in calls:
        with pytest.raises(CodecFault, match=told) as met:
            call()
        assert not met.value.reading
        assert "hunter2" not in str(met.value)  # what should have been encrypted
    assert not issubclass(CodecFault, StepwellError), "no user's code can meet it"


class Stateful:
    def __init__(self, n: int) -> None:
        self.n = n

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stateful) and self.n == other.n

    __hash__ = None  # type: ignore[assignment]


class Unreadable:
    def __reduce__(self) -> Any:
        return (int, ("not a number",))


class Disguised:
    def __reduce__(self) -> Any:
        return (int, ("5",))


def test_pickles_carry_what_json_cannot_and_nothing_else() -> None:
    coder = Serializer(pickle=True).value(Any)
    value = {"a": [Stateful(5), Point(1)], "b": (1, {Stateful})}
    text = coder.encode(value)[0]
    assert '{"$t":"pickle","v":"' in text
    assert '{"$t":"tests.unit.serde.shapes:Point","v":{"x":1,"y":0}}' in text
    assert coder.decode(text) == value
    assert coder.encode({"a": [1, (2,)]}) == Serializer().value(Any).encode({"a": [1, (2,)]})
    with pytest.raises(UnreadablePayload, match=r"Serializer\(pickle=True\)"):
        Serializer().value(Any).decode(text)
    with pytest.raises(UnreadablePayload):
        coder.decode('{"$t":"pickle","v":"AAAA"}')


@pytest.mark.parametrize(
    "value",
    [threading.Lock(), lambda: 1, Unreadable(), Disguised(), ValueError("x")],
    ids=lambda value: type(value).__name__,
)
def test_what_no_pickle_brings_back_fails_at_once(value: object) -> None:
    with pytest.raises(NotSerializable) as caught:
        Serializer(pickle=True).value(Any).encode([value])
    assert caught.value.path == "result[0]"


def test_pickles_are_off_unless_asked_for() -> None:
    with pytest.raises(NotSerializable):
        Serializer().value(Any).encode(Opaque())
