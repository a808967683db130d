"""JSON text as it is stored: escaped to ASCII, keys in their order."""

import re
from json.encoder import encode_basestring_ascii
from typing import Any

import msgspec

from stepwell.errors import UnreadablePayload

quote = encode_basestring_ascii
encode_raw = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")


def to_text(plain: Any) -> str:
    """The text of JSON data (no lone surrogates, no NaN: tags stand in for those)."""
    return ascii_text(encode_raw(plain))


def ascii_text(raw: bytes) -> str:
    """JSON in UTF-8 as ASCII text. Outside ASCII there is nothing but the insides of strings."""
    if raw.isascii():
        return raw.decode("ascii")
    return _BEYOND_ASCII.sub(lambda found: quote(found.group())[1:-1], raw.decode())


def from_text(text: str) -> Any:
    """JSON data of a text.

    Raises:
        UnreadablePayload: it is not JSON. The message does not quote it.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnreadablePayload("The stored text is not JSON that can be read here.") from error
