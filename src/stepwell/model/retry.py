"""How often and when a failed step is tried again. Pure: the clock and the dice are the caller's."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from stepwell.errors import InvalidArgument
from stepwell.model.durations import is_integer, is_number, seconds

#: What `only=` and `never=` take.
ExceptionTypes: TypeAlias = type[Exception] | tuple[type[Exception], ...]

#: More would outlive any process that counts them, and a column of 32 bits.
MOST_RETRIES = 1_000_000


@dataclass(frozen=True, slots=True, init=False)
class Retry:
    """When a step's body is run again after it raised.

    `retries` more attempts follow the first one: `first` seconds (or a timedelta) later, then `factor`
    times longer each time, never more than `cap`. `jitter` shortens each delay by up to a half, so that
    many runs do not come back at once. Only exceptions of `only` are retried (default: any
    `Exception`), and none of `never`, which wins. Attempts and due times are durable: a takeover goes on
    counting. What the workflow sees in the end is the last exception itself.

        @step(retry=Retry(5, first=0.5, never=CardDeclined))
        def charge(order_id: str) -> str: ...

    Raises InvalidArgument for numbers out of bounds. `retry=3` is short for `retry=Retry(3)`.
    """

    retries: int
    first: float
    factor: float
    cap: float
    jitter: bool
    only: tuple[type[Exception], ...] | None
    never: tuple[type[Exception], ...]

    def __init__(
        self,
        retries: int = 3,
        first: float | timedelta = 1.0,
        factor: float = 2.0,
        cap: float | timedelta = 60.0,
        jitter: bool = True,
        only: ExceptionTypes | None = None,
        never: ExceptionTypes | None = None,
    ) -> None:
        keep = object.__setattr__
        keep(self, "retries", _count(retries))
        keep(self, "first", seconds(first, "Retry(first=)"))
        keep(self, "factor", _factor(factor))
        keep(self, "cap", seconds(cap, "Retry(cap=)"))
        keep(self, "jitter", bool(jitter))
        keep(self, "only", None if only is None else _types(only, "Retry(only=)"))
        keep(self, "never", () if never is None else _types(never, "Retry(never=)"))

    def delay(self, attempt: int, random: float) -> float:
        """Seconds between the failure of attempt number `attempt` (1 is the first) and the next attempt.

        `random` is a draw from [0, 1); without `jitter` it does not matter.
        """
        try:
            delay = min(self.cap, self.first * self.factor ** (attempt - 1))
        except OverflowError:
            delay = self.cap if self.first else 0.0
        return delay * (1.0 - random / 2) if self.jitter else delay

    def accepts(self, error: BaseException) -> bool:
        """Whether this error may be retried at all; a cancellation, an exit or an interrupt never is."""
        if not isinstance(error, Exception) or isinstance(error, self.never):
            return False
        return self.only is None or isinstance(error, self.only)


def as_retry(value: int | Retry) -> Retry | None:
    """What `retry=` was given, normalised: a number n is `Retry(n)`; no retries at all is None.

    Raises InvalidArgument for anything else.
    """
    retry = value if isinstance(value, Retry) else Retry(_count(value))
    return retry if retry.retries else None


def _count(value: int) -> int:
    if not is_integer(value, 0, MOST_RETRIES):
        raise InvalidArgument(f"retry must be a Retry or from 0 to {MOST_RETRIES}, and is {value!r}")
    return value


def _factor(value: float) -> float:
    if not is_number(value) or not 1 <= value <= 1000:
        raise InvalidArgument(f"Retry(factor=) must be a number from 1 to 1000, and is {value!r}")
    return float(value)


def _types(value: ExceptionTypes, what: str) -> tuple[type[Exception], ...]:
    types = value if isinstance(value, tuple) else (value,)
    if not all(_is_exception_type(each) for each in types):
        raise InvalidArgument(f"{what} takes an exception class or a tuple of them, and is {value!r}")
    return types


def _is_exception_type(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)
