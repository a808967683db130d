"""Codecs wrap payloads on their way into rows: encryption, compression, keeping large ones elsewhere."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Codec(Protocol):
    """What `Serializer(codec=...)` takes.

    Both methods are called on any thread, also on an event loop's: they should not block for long. An
    exception of `encode` is the caller's; one of `decode` becomes UnreadablePayload.

    Example::

        class Deflated:
            codec_id = "deflate-1"

            def encode(self, text: str) -> str:
                return base64.b64encode(zlib.compress(text.encode())).decode()

            def decode(self, text: str) -> str:
                return zlib.decompress(base64.b64decode(text)).decode()
    """

    @property
    def codec_id(self) -> str:
        """Stored beside every payload; a new key or method needs a new one (the old as a reader)."""
        ...

    def encode(self, text: str) -> str:
        """What is stored instead of the JSON `text`: ASCII without NUL."""
        ...

    def decode(self, text: str) -> str:
        """The JSON text again."""
        ...
