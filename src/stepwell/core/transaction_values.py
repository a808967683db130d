"""What a user's transaction is made of while it is carried out: the call, how it ends, and the hands that wait for
it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.model.options import StepOptions
from stepwell.serde.coder import Coder
from stepwell.store.transactions import Hold

if TYPE_CHECKING:
    from stepwell.core.definition import TransactionDefinition

T = TypeVar("T")

#: SQLSTATEs after which the body is run again; `Retry` says how often.
CONTENTION = frozenset({"40001", "40P01"})


@dataclass(slots=True)
class Call:
    """One call of a transaction within a workflow."""

    execution: Execution
    key: Key
    name: str
    mark: int
    coder: Coder
    definition: "TransactionDefinition"
    options: StepOptions
    instance: object | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    #: Bodies begun by this execution.
    attempt: int = 0


@dataclass(slots=True)
class Ending:
    """How a transaction has ended. `recorded`: its checkpoint is in the engine's database already."""

    value: Any = None
    error: Exception | None = None
    text: str | None = None
    codec_id: str | None = None
    elapsed: float = 0.0
    recorded: bool = False


class Hands(Protocol):
    """How the flow waits."""

    async def ready(self) -> None:
        """All that must hold before a body begins. Raises what ends the execution, or this operation."""
        ...

    async def pause(self, seconds: float) -> None: ...

    async def permit(self, draws: bool) -> int:
        """From here on nobody interrupts: the position of the outcome, if it `draws` one. Raises if somebody has
        before."""
        ...

    def repent(self) -> None:
        """It was not committed: interruptions are allowed again."""
        ...

    async def ask(self, verb: Callable[..., Awaitable[T]], *args: Any) -> T:
        """A verb of the store, repeated until answered."""
        ...

    async def stand_back(self) -> None:
        """Keep the engine's own writer away from its SQLite file."""
        ...

    async def come_back(self) -> None: ...

    async def touch(self, verb: str, hold: Hold, call: Callable[[], Awaitable[T]]) -> T:
        """A few words of ours on the user's connection, with a deadline."""
        ...

    async def body(self, hold: Hold, locks_file: bool) -> Any:
        """The user's function."""
        ...

    async def undisturbed(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it to its end, whoever interrupts."""
        ...


class Again(Exception):
    """The attempt is rolled back, and another one follows after so many seconds."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
