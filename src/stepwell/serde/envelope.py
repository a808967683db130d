"""From JSON text to what a row holds, and back: the codec and the size cap."""

from collections.abc import Sequence

from stepwell.errors import ConfigurationError, PayloadTooLarge, UnreadablePayload
from stepwell.serde.codec import Codec, CodecFault


class Envelope:
    """Applies the codec of an engine, and those of older rows when reading."""

    __slots__ = ("_codec", "_codec_id", "_readers", "cap")

    def __init__(self, codec: Codec | None, readers: Sequence[Codec], cap: int) -> None:
        if cap <= 0:
            raise ConfigurationError(f"payload_cap must be at least one byte, not {cap}.")
        self.cap = cap
        self._codec = codec
        self._codec_id = None if codec is None else codec.codec_id
        self._readers: dict[str, Codec] = {}
        for reader in readers if codec is None else (codec, *readers):
            codec_id: object = reader.codec_id
            if not isinstance(codec_id, str) or not codec_id.isascii() or not codec_id:
                raise ConfigurationError(f"The codec_id of {reader!r} must be ASCII text that is not empty.")
            if self._readers.setdefault(codec_id, reader) is not reader:
                raise ConfigurationError(f"Two codecs have the codec_id {codec_id!r}.")

    def wrap(self, text: str, what: str) -> tuple[str, str | None]:
        """What is stored, and the codec's id.

        Raises:
            PayloadTooLarge: more than `cap` bytes would be stored (the text is ASCII: characters are bytes).
        """
        codec_id = self._codec_id
        if codec_id is not None:
            text = self.seal(text)
        if len(text) > self.cap:
            raise PayloadTooLarge(
                f"{what} takes {len(text)} bytes when encoded, and payload_cap is {self.cap}: keep it "
                f"elsewhere and pass a reference, or raise the cap."
            )
        return text, codec_id

    def seal(self, text: str) -> str:
        """The text through the codec, whatever its size. Raises CodecFault."""
        if self._codec is None:
            return text
        try:
            sealed: object = self._codec.encode(text)
        except Exception as error:
            raise CodecFault(self._codec_id, False, f"it raised {type(error).__name__}") from error
        if not isinstance(sealed, str) or not sealed.isascii() or "\0" in sealed:
            raise CodecFault(self._codec_id, False, "it must return ASCII text without NUL")
        return sealed

    @property
    def codec_id(self) -> str | None:
        """The id of the codec for new payloads."""
        return self._codec_id

    def unwrap(self, text: str, codec_id: str | None) -> str:
        """The JSON text of a row.

        Raises:
            UnreadablePayload: the codec is not configured here.
            CodecFault: it cannot read the text.
        """
        if codec_id is None:
            return text
        codec = self._readers.get(codec_id)
        if codec is None:
            raise UnreadablePayload(
                f"The stored value went through the codec {codec_id[:100]!r}, which is not known here: "
                f"pass it as Serializer(codec=...), or in readers=[...] if it is an old one."
            )
        try:
            plain: object = codec.decode(text)
        except Exception as error:
            raise CodecFault(codec_id, True, f"it raised {type(error).__name__}") from error
        if not isinstance(plain, str):
            raise CodecFault(codec_id, True, f"it returned {type(plain).__qualname__}, not text")
        return plain
