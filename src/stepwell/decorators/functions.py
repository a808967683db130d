"""What the decorators leave in the place of a function: the views, and binding to instances.

Only these have `__get__`. What `.aio`, `.sync`, `.options()` and a lookup on an instance return has none,
since type checkers (and Python, in a class body) would bind it a second time. In the place of a method
stands a class of its own, so that the call of an ordinary function need not ask which of them it is.

The last overload of `__get__` is for static methods: type checkers look past @staticmethod here.
"""

from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from stepwell.core.definition import StepDefinition, WorkflowDefinition
from stepwell.decorators.steps import AsyncStep, Step
from stepwell.decorators.view import receiver_for
from stepwell.decorators.workflows import AsyncWorkflow, Workflow

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class _ByReference:
    """Pickled and copied like a function: as the name under which a module has it."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return str(self.__dict__["__qualname__"])


class _WorkflowFunction(_ByReference, Workflow[P, R]):
    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: type) -> "_WorkflowFunction[P, R]": ...
    @overload
    def __get__(
        self: "_WorkflowFunction[Concatenate[S, Q], R]", instance: S, owner: type | None = None
    ) -> Workflow[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Workflow[P, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._bound(instance)

    def _bound(self, instance: object) -> Workflow[..., R]:
        receiver = receiver_for(self._definition, instance)
        return Workflow(self._definition, self._options, receiver, self.__dict__)


class _AsyncWorkflowFunction(_ByReference, AsyncWorkflow[P, R]):
    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: type) -> "_AsyncWorkflowFunction[P, R]": ...
    @overload
    def __get__(
        self: "_AsyncWorkflowFunction[Concatenate[S, Q], R]", instance: S, owner: type | None = None
    ) -> AsyncWorkflow[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> AsyncWorkflow[P, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._bound(instance)

    def _bound(self, instance: object) -> AsyncWorkflow[..., R]:
        receiver = receiver_for(self._definition, instance)
        return AsyncWorkflow(self._definition, self._options, receiver, self.__dict__)


class _StepFunction(_ByReference, Step[P, R]):
    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: type) -> "_StepFunction[P, R]": ...
    @overload
    def __get__(self: "_StepFunction[Concatenate[S, Q], R]", instance: S, owner: type | None = None) -> Step[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Step[P, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._bound(instance)

    def _bound(self, instance: object) -> Step[..., R]:
        return Step(self._definition, self._options, receiver_for(self._definition, instance), self.__dict__)


class _AsyncStepFunction(_ByReference, AsyncStep[P, R]):
    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: type) -> "_AsyncStepFunction[P, R]": ...
    @overload
    def __get__(
        self: "_AsyncStepFunction[Concatenate[S, Q], R]", instance: S, owner: type | None = None
    ) -> AsyncStep[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> AsyncStep[P, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._bound(instance)

    def _bound(self, instance: object) -> AsyncStep[..., R]:
        receiver = receiver_for(self._definition, instance)
        return AsyncStep(self._definition, self._options, receiver, self.__dict__)


class _FirstArgumentIsInstance:
    """`Shop.charge(shop, "o-1")`: a method called on its class, as Python allows."""

    __slots__ = ()

    def __call__(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not args:
            raise TypeError(f"{self.__qualname__}() is a method and needs an instance as its first argument")
        return self._bound(args[0])(*args[1:], **kwargs)


class _WorkflowMethod(_FirstArgumentIsInstance, _WorkflowFunction[..., Any]):
    __slots__ = ()


class _AsyncWorkflowMethod(_FirstArgumentIsInstance, _AsyncWorkflowFunction[..., Any]):
    __slots__ = ()


class _StepMethod(_FirstArgumentIsInstance, _StepFunction[..., Any]):
    __slots__ = ()


class _AsyncStepMethod(_FirstArgumentIsInstance, _AsyncStepFunction[..., Any]):
    __slots__ = ()


#: By (is_async, is_method).
_WORKFLOWS: dict[tuple[bool, bool], Any] = {
    (False, False): _WorkflowFunction,
    (False, True): _WorkflowMethod,
    (True, False): _AsyncWorkflowFunction,
    (True, True): _AsyncWorkflowMethod,
}
_STEPS: dict[tuple[bool, bool], Any] = {
    (False, False): _StepFunction,
    (False, True): _StepMethod,
    (True, False): _AsyncStepFunction,
    (True, True): _AsyncStepMethod,
}


def workflow_function(definition: WorkflowDefinition) -> Any:
    """The object for a workflow's function, with the function's name, docstring and signature."""
    cls = _WORKFLOWS[definition.is_async, definition.is_method]
    return update_wrapper(cls(definition, definition.default_options, None, {}), definition.fn)


def step_function(definition: StepDefinition) -> Any:
    """The object for a step's function, with the function's name, docstring and signature."""
    cls = _STEPS[definition.is_async, definition.is_method]
    return update_wrapper(cls(definition, definition.default_options, None, {}), definition.fn)
