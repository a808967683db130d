"""What operators ask about published events: who subscribed to them."""

from typing import TYPE_CHECKING

from stepwell.core.locked_file import writes
from stepwell.model.ids import check_name
from stepwell.model.published import SubscriptionInfo, check_event

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


async def subscriptions(runtime: "Runtime", event: str | None) -> list[SubscriptionInfo]:
    """To this event, or all."""
    if event is not None:
        check_event(event)
    found = await runtime.patient(runtime.store.subscriptions, event, outside=True)
    return [SubscriptionInfo.of(each) for each in found]


@writes("unsubscribe")
async def unsubscribe(runtime: "Runtime", event: str, workflow: str) -> int:
    """How many were removed."""
    check_event(event)
    check_name(workflow, "workflow")
    return await runtime.patient(runtime.store.unsubscribe, event, workflow, outside=True)
