"""What whoever published an event may have left undone, because it died after the commit."""

from typing import TYPE_CHECKING

from stepwell.core import event_cancelling, event_waking

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Pages of one round: what is locked meanwhile stays for the next.
_PAGES = 50


async def sweep(runtime: "Runtime") -> None:
    """One round, bounded, for this process's own namespace: safe to repeat, and for several processes at once."""
    for _ in range(_PAGES):
        if not await event_waking.look_again(runtime):
            break
    await event_cancelling.look_again(runtime)
