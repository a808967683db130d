"""How starts become one: what `debounce`, `batch` and `singleton` bind to a workflow."""

from dataclasses import dataclass
from typing import Literal, get_args

from stepwell.errors import InvalidArgument
from stepwell.model.durations import Duration, is_integer, seconds
from stepwell.model.ids import RESERVED, check_name

#: What becomes of a start while another run of the same key has not ended.
Singly = Literal["skip", "queue", "cancel"]

MOST_IN_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Debounce:
    """The last of several starts counts. Durations are seconds."""

    key: str
    delay: float
    limit: float | None


@dataclass(frozen=True, slots=True)
class Batching:
    """Several starts are one, with a list of what they were given."""

    key: str
    most: int
    delay: float


@dataclass(frozen=True, slots=True)
class Singleton:
    """One at a time."""

    key: str
    mode: Singly


Coalescing = Debounce | Batching | Singleton


def debounced(key: str, delay: Duration, limit: Duration | None) -> Debounce:
    """Raises InvalidArgument."""
    wait = seconds(delay, "delay", allow_zero=False)
    most = None if limit is None else seconds(limit, "limit", allow_zero=False)
    if most is not None and most < wait:
        raise InvalidArgument(f"limit must not be shorter than delay ({most:g} s and {wait:g} s)")
    return Debounce(check_name(key, "key"), wait, most)


def batched(key: str, max_size: int, max_wait: Duration) -> Batching:
    """Raises InvalidArgument."""
    if not is_integer(max_size, 1, MOST_IN_BATCH):
        raise InvalidArgument(f"max_size must be an integer from 1 to {MOST_IN_BATCH:,}, and is {max_size!r}")
    return Batching(check_name(key, "key"), max_size, seconds(max_wait, "max_wait", allow_zero=False))


def single(key: str, mode: Singly) -> Singleton:
    """Raises InvalidArgument."""
    if mode not in get_args(Singly):
        raise InvalidArgument(f"mode must be one of {get_args(Singly)}, and is {mode!r}")
    return Singleton(check_name(key, "key"), mode)


def dedup_key(how: Coalescing, workflow: str) -> str:
    """The key by which starts of one workflow meet: no user's `dedup=` is like it."""
    return f"{RESERVED}{type(how).__name__.lower()}:{workflow}:{how.key}"
