"""Many threads that want the same run."""

import threading
from concurrent.futures import ThreadPoolExecutor

from stepwell import step, workflow
from tests.faults.kit.child import effect, make_engine, obey


@step
def charge(order: str) -> str:
    """Leaves its trace; the result tells runs apart."""
    effect("charge", order)
    return f"receipt {threading.get_native_id()}"


@workflow
def pay(order: str) -> str:
    """The body that must run once."""
    effect("pay", order)
    return charge(order)


@workflow
async def pay_async(order: str) -> str:
    """The same on the loop."""
    effect("pay", order)
    return await charge.aio(order)


def all_at_once(threads: int, order: str) -> list[str]:
    """Every thread wants `pay` and `pay_async` for this order; calls and starts alternate."""
    barrier = threading.Barrier(threads)

    def want(number: int) -> list[str]:
        barrier.wait()
        if number % 2:
            return [
                pay.options(id=f"{order}-def")(order),
                pay_async.sync.options(id=f"{order}-async")(order),
            ]
        handles = [
            pay.options(id=f"{order}-def").start(order),
            pay_async.sync.options(id=f"{order}-async").start(order),
        ]
        return [handle.result(timeout=50) for handle in handles]

    with ThreadPoolExecutor(threads) as pool:
        return sorted({" / ".join(pair) for pair in pool.map(want, range(threads))})


if __name__ == "__main__":
    obey(make_engine(), all_at_once=all_at_once)
