"""Learns of cancellations that other processes have requested of runs which execute here."""

import asyncio

from stepwell.core import cancel
from stepwell.services.service import Service


class Cancellations(Service):
    """Looks when hinted, and every `poll_interval` where hints do not arrive, if anything executes here.

    Every heartbeat looks too: that is the safety net while hints arrive.
    """

    async def once(self) -> None:
        """Fetch the requests, and deliver what is not delivered yet."""
        runtime = self.runtime
        runtime.hints.cancels.clear()
        if runtime.executions:
            for run_id, reason in (await runtime.store.cancels(runtime.incarnation)).items():
                cancel.known(runtime, run_id, reason)

    async def pause(self) -> None:
        """Until a hint, or the poll interval with jitter."""
        hints = self.runtime.hints
        if hints.arrive:
            await hints.cancels.wait()
            return
        try:
            async with asyncio.timeout(self.runtime.settings.poll_interval * (0.8 + 0.4 * self.runtime.env.random())):
                await hints.cancels.wait()
        except TimeoutError:
            pass
