"""Options keep the types of what they are bound to, and are checked by name and type."""

from datetime import UTC, datetime, timedelta
from typing import assert_type

from stepwell.handle import AsyncHandle, Handle
from stepwell.model.retry import Retry
from tests.typing_tests.definitions import charge, checkout, digest, fetch


async def accepted() -> None:
    soon = datetime(2030, 1, 1, tzinfo=UTC)
    assert_type(checkout.options(id="o-1", on_conflict="reject")("o-1"), str)
    assert_type(checkout.options(queue="q", priority=1, delay=timedelta(1)).start("o-1"), Handle[str])
    assert_type(await checkout.options(at=soon, deadline=soon, timeout=3.5).aio("o-1"), str)
    assert_type(checkout.options(parent_close="abandon", attributes={"eu": True}).handle("o-1"), Handle[str])
    assert_type(await digest.options(id="d-1").options(queue="q").start(["a"]), AsyncHandle[list[str]])
    assert_type(digest.options(timeout=timedelta(hours=1)).sync(["a"]), list[str])
    assert_type(charge.options(retry=3, timeout=1)("o-1", 3), str)
    assert_type(await fetch.options(name="get", retry=Retry(2, first=0.1))("u"), bytes)


def refused() -> None:
    checkout.options(id=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout.options(on_conflict="steal")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout.options(timeout="3s")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout.options(at=3.0)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout.options(que="q")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    checkout.options(retry=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    charge.options(id="o-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    fetch.options(timeout="3s")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    checkout.options(id="o-1")(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Retry(only="KeyError")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Retry(only=SystemExit)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
