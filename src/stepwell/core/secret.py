"""The secret that tokens are signed with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class Secret:
    """What tokens are signed with: the engine's setting, or what the database keeps for all that share it."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._known: bytes | None = None

    async def get(self, outside: bool) -> bytes:
        """The secret; asked of the database once."""
        if self._known is None:
            runtime = self._runtime
            given = runtime.settings.token_secret
            proposal = runtime.env.uuid4().hex + runtime.env.uuid4().hex
            kept = given or await runtime.patient(runtime.store.secret, "tokens", proposal, outside=outside)
            self._known = str(kept).encode()
        return self._known
