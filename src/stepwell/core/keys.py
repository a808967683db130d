"""The names of operations within a run, and of what they send to others."""

from uuid import UUID

from stepwell.model.ids import RESERVED

#: (branch, seq)
Key = tuple[str, int]

#: The cancellation of a run is an outcome of its own; no operation has this key.
CANCEL_KEY: Key = ("!cancel", 0)


def patch_key(name: str) -> Key:
    """Where the answer of `patched(name)` is recorded: by name, not by place."""
    return f"!patch.{name}", 0


def sent_key(run_id: UUID, key: Key, effect: int | None = None) -> str:
    """By what a message of this operation is known: the same however often it is sent again, and never the key of
    another operation or of a user. `effect` numbers what the body of a step sends."""
    branch, seq = key
    # The branch comes last: it may contain anything.
    return f"{RESERVED}{run_id}:{seq}:{branch}" if effect is None else f"{RESERVED}{run_id}:{seq}.{effect}:{branch}"


def drawn_key(drawn: UUID) -> str:
    """By what a message from outside is known whose sender has given no key."""
    return f"{RESERVED}{drawn}"
