"""Codecs wrap payloads on their way into rows: encryption, compression, keeping large ones elsewhere."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Codec(Protocol):
    """What `Serializer(codec=...)` takes.

    Both methods are called on any thread, also on an event loop's: they should not block for long. What they raise
    counts as trouble of the infrastructure, like a database that does not answer (a key server may be down): it is
    tried again with back-off, what has run does not run again, and no run ends by it. A run whose history cannot be
    decoded becomes BLOCKED, and every sweep tries it again. A call from outside a workflow ends in CodecUnavailable
    after `Settings.call_patience`.

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


class CodecFault(Exception):
    """A codec raised, or gave what is no text. Never an outcome: `core.sealing` says what is done about it.

    `reading`: it was to decode. The message tells no payload; what the codec raised is the cause.
    """

    def __init__(self, codec_id: str | None, reading: bool, what: str) -> None:
        super().__init__(f"the codec {codec_id!r} failed to {'decode' if reading else 'encode'}: {what}")
        self.reading = reading
