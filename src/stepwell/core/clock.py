"""What time it is in the database, told by this process's monotonic clock between two answers."""

from collections.abc import Callable

from stepwell.core.env import Env

#: A change of the offset by more than this is a jump, seconds: less is the network's noise.
JUMP_SECONDS = 0.5

#: What two clocks may gain or lose against each other while one of them is being adjusted, seconds per second.
_DRIFT = 0.0005


class DatabaseClock:
    """An estimate, behind by at most an answer's way. Only durations are measured here; instants are the database's."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._offset = 0.0
        self._received = 0.0
        #: Called on the loop when the database's clock has jumped against ours.
        self.on_jump: Callable[[], None] | None = None

    def observe(self, database_now: float, sent: float, received: float) -> None:
        """The database said `database_now` between these two readings of the monotonic clock.

        So this is how far its clock is ahead of ours, at least and at most. A slow answer says less than what is
        known from a quick one, unless it contradicts it.
        """
        least, most = database_now - received, database_now - sent
        before = self._offset
        known = before - _DRIFT * (received - self._received)
        self._offset = known if least <= known <= most else least  # never ahead: no wait ends early
        self._received = received
        if abs(self._offset - before) > JUMP_SECONDS and self.on_jump is not None:
            self.on_jump()

    def now(self) -> float:
        """The database's time, unix seconds."""
        return self._env.monotonic() + self._offset

    def seconds_until(self, instant: float) -> float:
        """Seconds of real time until that instant of the database's clock."""
        return instant - self.now()
