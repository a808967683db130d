"""What ids and names may look like, and UUIDv7 as a pure function. Nothing here reads a clock."""

from uuid import UUID

from stepwell.errors import InvalidArgument

LONGEST_ID = 255
LONGEST_NAME = 255
_LONGEST_KNOWN_ID = 100_000

#: Topics and keys of messages that are the engine's own begin like this.
RESERVED = "!stepwell:"

_RANDOM_BITS = 74
_RANDOM_BYTES = 10
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_LOW_MASK = (1 << 62) - 1
_VERSION_AND_VARIANT = 7 << 76 | 2 << 62


def check_workflow_id(workflow_id: str) -> str:
    """The id itself, if a user may give it to a run: 1 to 255 characters, no '/', no NUL, no lone surrogate.

    Raises InvalidArgument. '/' is reserved: ids of children contain it, so this is not for looking them up.
    """
    _check_text(workflow_id, "id", LONGEST_ID)
    if "/" in workflow_id:
        raise InvalidArgument(f"id must not contain '/', which ids of children do ({workflow_id!r})")
    return workflow_id


def check_known_id(workflow_id: str) -> str:
    """The id itself, if a run may have it: children's ids contain '/', and are longer than their parent's.

    Raises InvalidArgument. For looking runs up.
    """
    return _check_text(workflow_id, "id", _LONGEST_KNOWN_ID)


def check_name(name: str, what: str) -> str:
    """The name itself, if it is 1 to 255 characters without NUL or lone surrogate; `what` is for the message.

    Raises InvalidArgument. For names of steps, queues, topics, events and streams.
    """
    return _check_text(name, what, LONGEST_NAME)


def check_topic(name: str, what: str) -> str:
    """`check_name`, and not of the names that the engine keeps for itself (RESERVED).

    Raises InvalidArgument. For topics and keys of messages.
    """
    _check_text(name, what, LONGEST_NAME)
    if name.startswith(RESERVED):
        raise InvalidArgument(f"{what} must not begin with {RESERVED!r}, which the engine keeps for itself")
    return name


def check_route_part(name: str, what: str) -> str:
    """`check_name`, and no '|': names of workflows and instances and versions are joined by it to a route."""
    _check_text(name, what, LONGEST_NAME)
    if "|" in name:
        raise InvalidArgument(f"{what} must not contain '|' ({name!r})")
    return name


def uuid7(unix_ms: int, random_bits: bytes | int) -> UUID:
    """A UUIDv7 from a clock reading in milliseconds and 74 random bits (RFC 9562).

    `random_bits` is 10 bytes or more, or an int; the lowest 74 bits of the first 10 bytes, or of the
    int, are used. Greater (unix_ms, bits) give a greater UUID, so a caller stays monotonic within one
    millisecond by adding to the bits. Raises InvalidArgument for a time outside the years 1970 to 10889.
    """
    if isinstance(random_bits, bytes):
        if len(random_bits) < _RANDOM_BYTES:
            raise InvalidArgument(f"random_bits must be at least {_RANDOM_BYTES} bytes")
        random_bits = int.from_bytes(random_bits[:_RANDOM_BYTES])
    if unix_ms < 0 or unix_ms >> 48:
        raise InvalidArgument(f"unix_ms must fit into 48 bits, and is {unix_ms}")
    bits = random_bits & _RANDOM_MASK
    return UUID(int=unix_ms << 80 | _VERSION_AND_VARIANT | bits >> 62 << 64 | bits & _LOW_MASK)


def _check_text(text: str, what: str, longest: int) -> str:
    if not isinstance(text, str):
        raise InvalidArgument(f"{what} must be a str, not {type(text).__name__}")
    if not text:
        raise InvalidArgument(f"{what} must not be empty")
    if len(text) > longest:
        raise InvalidArgument(f"{what} must be at most {longest} characters, and has {len(text)}")
    if "\0" in text:
        raise InvalidArgument(f"{what} must not contain NUL ({text!r})")
    if not _is_encodable(text):
        raise InvalidArgument(f"{what} must not contain lone surrogates ({text!r})")
    return text


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def child_id(parent_id: str, branch: str, seq: int) -> str:
    """The id of a child that was given none: its parent's, and its place there."""
    return f"{parent_id}/{branch}{'.' if branch else ''}{seq}"
