"""Claims what may run, as much as this process can execute, and begins it."""

import asyncio

from stepwell.core.adopt import adopt
from stepwell.services.service import Service


class Dispatcher(Service):
    """Looks when hinted (`runtime.work`), and every `poll_interval` without a hint."""

    async def once(self) -> None:
        """Claim until nothing is left or no slot is free."""
        runtime = self.runtime
        runtime.work.clear()
        if runtime.registered != runtime.generation:
            await runtime.register()  # something was defined since: others must know that we serve it
        while not runtime.draining:
            free_def, free_async = runtime.free_slots
            served = runtime.served()
            routes = [route for route, d in served.items() if (free_async if d.is_async else free_def) > 0]
            if not routes or runtime.env.alive() > runtime.fence_until:
                return
            colours = {served[route].is_async for route in routes}
            limit = min(runtime.settings.claim_batch, *(free_async if colour else free_def for colour in colours))
            sent = runtime.env.monotonic()
            incarnation = runtime.incarnation
            claimed = await runtime.store.claim(incarnation, routes, runtime.queues, limit)
            received = runtime.env.monotonic()
            if received - sent > runtime.settings.call_deadline:
                return  # too late to believe: the self-audit gives these back
            if runtime.incarnation != incarnation:
                return  # they belong to who we were: the sweep finds them without an owner
            for run in claimed:
                runtime.clock.observe(run.database_now, sent, received)
                adopt(runtime, run)
            if len(claimed) < limit:
                return

    async def pause(self) -> None:
        """Until a hint, or the poll interval with jitter."""
        try:
            async with asyncio.timeout(self.runtime.settings.poll_interval * (0.8 + 0.4 * self.runtime.env.random())):
                await self.runtime.work.wait()
        except TimeoutError:
            pass
