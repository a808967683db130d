"""Tokens, as workflows see them, in both colours."""

from datetime import timedelta
from typing import Any, Generic, TypeVar, overload

from stepwell.core import tokens
from stepwell.core.context import Branch
from stepwell.core.verbs import async_branch, def_branch
from stepwell.model.sentinel import RAISE, Raise

T = TypeVar("T")
D = TypeVar("D")

Limit = float | timedelta | None


class _Base(Generic[T]):
    """What both colours share."""

    __slots__ = ("_id", "_type", "_type_name", "_url")

    def __init__(self, branch: Branch, made: tokens.Issue, token_id: str) -> None:
        self._id = token_id
        self._type = made.type
        self._type_name = made.type_name
        self._url = branch.execution.runtime.settings.token_url

    @property
    def id(self) -> str:
        """What `engine.complete` and `engine.fail` take. Whoever has it can answer: hand it to nobody else."""
        return self._id

    @property
    def url(self) -> str | None:
        """`Settings.token_url` with the id in the place of {token}; None without that setting."""
        return None if self._url is None else self._url.replace("{token}", self._id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._type_name}>"


class Token(_Base[T]):
    """An answer that somebody will give. Made by `stepwell.token(T)`."""

    __slots__ = ()

    @overload
    def wait(self, timeout: Limit = None, *, default: Raise = RAISE) -> T: ...
    @overload
    def wait(self, timeout: Limit = None, *, default: D) -> T | D: ...
    def wait(self, timeout: Limit = None, *, default: Any = RAISE) -> Any:
        """The value of `engine.complete`; raises the error of `engine.fail`. Recorded; waits like `recv`.

        Raises WaitTimeout (or returns `default`) after `timeout` seconds, and when the token has expired.
        """
        branch = def_branch("token().wait")
        asked, limit = tokens.receive(branch, self._id, self._type, self._type_name, timeout)
        return asked.in_thread(limit, default)


class AsyncToken(_Base[T]):
    """The same for async workflows. Made by `await stepwell.aio.token(T)`."""

    __slots__ = ()

    @overload
    async def wait(self, timeout: Limit = None, *, default: Raise = RAISE) -> T: ...
    @overload
    async def wait(self, timeout: Limit = None, *, default: D) -> T | D: ...
    async def wait(self, timeout: Limit = None, *, default: Any = RAISE) -> Any:
        """See `Token.wait`."""
        branch = async_branch("token().wait")
        asked, limit = tokens.receive(branch, self._id, self._type, self._type_name, timeout)
        return await asked.on_loop(limit, default)


def issue(tp: Any, expires: Limit) -> Token[Any]:
    """For def workflows."""
    branch = def_branch("token")
    made = tokens.Issue(branch, tp, expires)
    return Token(branch, made, made.in_thread())


async def issue_async(tp: Any, expires: Limit) -> AsyncToken[Any]:
    """For async workflows."""
    branch = async_branch("token")
    made = tokens.Issue(branch, tp, expires)
    return AsyncToken(branch, made, await made.on_loop())
