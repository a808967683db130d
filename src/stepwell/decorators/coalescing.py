"""What `debounce`, `batch` and `singleton` of a workflow give: something to start, in both colours."""

from collections.abc import Coroutine
from typing import Any, Generic, ParamSpec, TypeVar

from stepwell.core import call, coalescing
from stepwell.core.ref import RunRef
from stepwell.decorators.view import View
from stepwell.handle import AsyncHandle, Handle
from stepwell.model.coalescing import Coalescing

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class _Coalesced:
    """A workflow with its options, and how its starts become one."""

    __slots__ = ("_how", "_view")

    def __init__(self, view: View[Any, Any], how: Coalescing) -> None:
        self._view = view
        self._how = how

    def _start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> RunRef:
        view = self._view
        call.check_start(view.definition, view._options, blocks=True)
        return coalescing.start(view.definition, view._options, self._how, view._receiver(), args, kwargs)

    async def _start_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AsyncHandle[Any]:
        view = self._view
        call.check_start(view.definition, view._options, blocks=False)
        receiver = view._receiver()
        return AsyncHandle(
            await coalescing.start_async(view.definition, view._options, self._how, receiver, args, kwargs)
        )


class Coalesced(_Coalesced, Generic[P, R]):
    """What `debounce` and `singleton` give."""

    __slots__ = ()

    def start(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Start, or meet the run of the same key; its handle, once that is committed."""
        return Handle(self._start(args, kwargs))


class AsyncCoalesced(_Coalesced, Generic[P, R]):
    """`Coalesced`, awaited."""

    __slots__ = ()

    def start(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, AsyncHandle[R]]:
        """See `Coalesced.start`."""
        return self._start_async(args, kwargs)


class Batch(_Coalesced, Generic[T, R]):
    """What `batch` gives."""

    __slots__ = ()

    def start(self, item: T) -> Handle[R]:
        """Add an item to the batch that is being filled, or begin one; its run's handle, once that is committed."""
        return Handle(self._start(([item],), {}))


class AsyncBatch(_Coalesced, Generic[T, R]):
    """`Batch`, awaited."""

    __slots__ = ()

    def start(self, item: T) -> Coroutine[Any, Any, AsyncHandle[R]]:
        """See `Batch.start`."""
        return self._start_async(([item],), {})
