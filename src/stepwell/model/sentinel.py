"""What stands for "no default": `None` is a value."""

from enum import Enum
from typing import Final, Literal


class Raise(Enum):
    """The type of RAISE."""

    RAISE = "RAISE"

    def __repr__(self) -> str:
        return "RAISE"


#: `default=RAISE`: a wait whose time is over raises WaitTimeout.
RAISE: Final[Literal[Raise.RAISE]] = Raise.RAISE
