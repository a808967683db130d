"""The names of operations within a run."""

#: (branch, seq)
Key = tuple[str, int]

#: The cancellation of a run is an outcome of its own; no operation has this key.
CANCEL_KEY: Key = ("!cancel", 0)


def patch_key(name: str) -> Key:
    """Where the answer of `patched(name)` is recorded: by name, not by place."""
    return f"!patch.{name}", 0
