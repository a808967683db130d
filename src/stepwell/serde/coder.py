"""One annotation's way into JSON text and back.

Three ways to write, from fast to careful: values that are provably plain go straight through msgspec; others
are written by their annotation and read back, to be compared; what does not come back as itself is written
with tags, which need no annotation. A live result and its replay are therefore equal and of the same type.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect as mi

from stepwell.errors import NotSerializable, UnreadablePayload
from stepwell.serde.checks import ANYTHING, checks_for
from stepwell.serde.class_checks import Checks
from stepwell.serde.envelope import Envelope
from stepwell.serde.leaves import TAG, Unencodable, tagged
from stepwell.serde.same import same
from stepwell.serde.tags import Tagger
from stepwell.serde.text import ascii_text, encode_raw, from_text, to_text
from stepwell.serde.typed import Encode, adapt, decoder_for, encoder_for
from stepwell.serde.untag import Untagger

_TAG_TEXT = f'"{TAG}"'
_TAG_BYTES = _TAG_TEXT.encode()


@dataclasses.dataclass(frozen=True, slots=True)
class Formats:
    """What the coders of one serializer share."""

    envelope: Envelope
    tagger: Tagger
    untagger: Untagger


class Coder:
    """Encodes and decodes the values of one annotation. Thread-safe; keep it rather than looking it up."""

    __slots__ = ("_checks", "_decode", "_encode", "_formats", "_is_any", "type")

    def __init__(self, tp: Any, formats: Formats) -> None:
        self.type = tp
        self._formats = formats
        self._is_any = tp is Any
        self._checks: Checks | None = ANYTHING
        self._encode: Encode | None = None
        self._decode: Callable[[Any], Any] = from_text
        if self._is_any:
            return
        try:
            info = mi.type_info(tp)
            self._decode = decoder_for(tp)
        except Exception:  # an annotation that msgspec cannot follow: tags say everything
            self._is_any = True
        else:
            self._checks = checks_for(info)
            self._encode = encoder_for(info)

    def encode(self, value: Any, what: str = "result") -> tuple[str, str | None]:
        """The text to store and the id of the codec that it went through, if any.

        Args:
            value: what to encode.
            what: how error paths begin.

        Raises:
            NotSerializable: `path` names the place, e.g. `result.items[3].lock`.
            PayloadTooLarge: the text is over the payload cap.
        """
        return self._formats.envelope.wrap(self.text(value, what), what)

    def decode(self, text: str, codec_id: str | None = None) -> Any:
        """The value of a stored text.

        Raises:
            UnreadablePayload: the format or the codec is not configured here, a class is not imported, or
                the text does not fit the annotation.
        """
        if codec_id is not None:
            text = self._formats.envelope.unwrap(text, codec_id)
        return self.read(text)

    def receive(self, text: str, codec_id: str | None = None) -> Any:
        """The value of a text that somebody wrote who did not know this annotation: a message, an event.

        Such a text may carry tags of its own (of a datetime within a dict); the annotation has the last word.

        Raises:
            UnreadablePayload: as `decode`.
        """
        value = self.decode(text, codec_id)
        if self._is_any or (_TAG_TEXT not in text and codec_id is None):
            return value
        try:
            return adapt(value, self.type)
        except Exception:
            raise UnreadablePayload(f"The stored value does not fit the annotation {self.type!r}.") from None

    def text(self, value: Any, what: str) -> str:
        """JSON text, before codec and cap."""
        checks = self._checks
        try:
            if checks is not None:
                check = checks.get(type(value))
                if check is not None and check(value):
                    raw = encode_raw(value)
                    if _TAG_BYTES not in raw:
                        return raw.decode("ascii") if raw.isascii() else ascii_text(raw)
            if self._encode is not None:
                raw = self._encode(value)
                if _TAG_BYTES not in raw and same(self._decode(raw), value):
                    return ascii_text(raw)
        except Exception:
            pass  # not by these ways: surrogates, huge integers, hooks and validators that object
        return self._tagged_text(value, what)

    def read(self, text: str) -> Any:
        """The value of JSON text."""
        try:
            if _TAG_TEXT in text:
                plain = from_text(text)
                if _has_tag(plain):
                    return self._formats.untagger.read(plain)
            return self._decode(text)
        except UnreadablePayload:
            raise
        except Exception as error:
            # Messages of validation may quote the value; only places and types are repeated.
            told = str(error) if isinstance(error, msgspec.ValidationError) else ""
            told = f" {told}." if told.startswith(("Expected `", "Object missing")) else ""
            raise UnreadablePayload(f"The stored value does not fit the annotation {self.type!r}.{told}") from None

    def _tagged_text(self, value: Any, what: str) -> str:
        try:
            plain = self._formats.tagger.dump(value)
            if not self._is_any and not _has_tag(plain):
                plain = tagged("any", plain)  # not of the annotated type, but read as it is
            return to_text(plain)
        except Unencodable as bad:
            raise NotSerializable(
                f"{what}{bad.path} cannot be serialised: {bad}.", path=f"{what}{bad.path}"
            ) from bad.__cause__
        except Exception as error:
            raise NotSerializable(
                f"{what} cannot be serialised: encoding it raised {type(error).__name__}.", path=what
            ) from error


def _has_tag(plain: Any) -> bool:
    if type(plain) is dict:
        return TAG in plain or any(map(_has_tag, plain.values()))
    return type(plain) is list and any(map(_has_tag, plain))
