"""What every decorated function is: a definition, bound options, perhaps an instance, a function's face."""

import asyncio
import inspect
import sys
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from stepwell.core.definition import Definition, TransactionDefinition, WorkflowDefinition
from stepwell.errors import ConfigurationError, UsageError

D = TypeVar("D", bound=Definition)
Opts = TypeVar("Opts")
C = TypeVar("C", bound=type)


class _MethodOfNobody(UsageError, AttributeError):
    """AttributeError too, so that hasattr() and mocks made from a class pass by."""


class _Signature:
    """`__signature__` of an instance, made when asked for; the classes themselves have none of it."""

    def __get__(self, view: "View[Any, Any] | None", owner: type) -> inspect.Signature:
        if view is None:
            raise AttributeError("__signature__")
        signature: inspect.Signature = view.definition.signature
        if view.instance is None:
            return signature
        return signature.replace(parameters=list(signature.parameters.values())[1:])


class View(Generic[D, Opts]):
    """Immutable and cheap: methods make one whenever they are looked up on an instance.

    `__name__`, `__doc__`, `__wrapped__` and the rest are the function's own; `__wrapped__` is missing
    where the view has another colour than the function, so that frameworks that look through it do not
    mistake one for the other.
    """

    __slots__ = ("__dict__", "__weakref__", "_definition", "_instance", "_options")
    __signature__ = _Signature()

    #: Whether a call gives something to await. True in the classes marked by `awaited`.
    is_awaited = False

    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., Any]

    def __init__(self, definition: D, options: Opts, instance: object | None, face: dict[str, Any]) -> None:
        self._definition = definition
        self._options = options
        self._instance = instance
        self.__dict__ = face  # shared by the views of one colour: a lookup on an instance copies nothing

    @property
    def definition(self) -> D:
        """What the decorator made of the function; its `name` is the registered or recorded one."""
        return self._definition

    @property
    def bound_options(self) -> Opts:
        """The options of calls through this view: the definition's own and those of `options(...)`."""
        return self._options

    @property
    def instance(self) -> object | None:
        """The object on which a method was looked up."""
        return self._instance

    def _receiver(self) -> object | None:
        """The instance, for everything but plain calls. Raises UsageError for a method without one."""
        if self._instance is None and self._definition.is_method:
            name = self._definition.origin.short_name
            raise _MethodOfNobody(f"{name} is a method: take this from an instance, not from the class")
        return self._instance

    def _face(self, *, is_async: bool) -> dict[str, Any]:
        """The metadata for a view of that colour."""
        face = dict(self.__dict__)
        if is_async is not self._definition.is_async:
            face.pop("__wrapped__", None)
        return face

    def __repr__(self) -> str:
        kinds = {WorkflowDefinition: "workflow", TransactionDefinition: "transaction"}
        kind = kinds.get(type(self._definition), "step")
        return f"<{type(self).__name__.strip('_')} of the {kind} {self._definition.name}>"


def receiver_for(definition: Definition, instance: object) -> object:
    """The instance that a lookup binds. Raises ConfigurationError if the function would not take it."""
    if not definition.is_method:
        raise ConfigurationError(
            f"{definition.origin} was looked up on an instance but is no method: name its first parameter "
            "self, or put @staticmethod above the decorator"
        )
    return instance


def awaited(cls: C) -> C:
    """Mark a class whose instances are to be awaited when called, for asyncio's and frameworks' tests."""
    cls.is_awaited = True  # type: ignore[attr-defined]
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(cls)
    else:  # what asyncio.iscoroutinefunction looks for, itself and in frameworks
        marker = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        cls._is_coroutine = marker  # type: ignore[attr-defined]
    return cls
