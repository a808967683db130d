"""What time it is in the database, told by this process's monotonic clock between two answers."""

from collections.abc import Callable

from stepwell.core.env import Env

#: A change of the offset by more than this is a jump, seconds: less is the network's noise.
JUMP_SECONDS = 0.5


class DatabaseClock:
    """An estimate, behind by at most an answer's way. Only durations are measured here; instants are the database's."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._offset = 0.0
        #: Called on the loop when the database's clock has jumped against ours.
        self.on_jump: Callable[[], None] | None = None

    def observe(self, database_now: float, sent: float, received: float) -> None:
        """The database said `database_now` between these two readings of the monotonic clock."""
        before = self._offset
        self._offset = database_now - received  # never ahead: no wait ends early
        if abs(self._offset - before) > JUMP_SECONDS and self.on_jump is not None:
            self.on_jump()

    def now(self) -> float:
        """The database's time, unix seconds."""
        return self._env.monotonic() + self._offset

    def seconds_until(self, instant: float) -> float:
        """Seconds of real time until that instant of the database's clock."""
        return instant - self.now()
