"""The instances on which an engine may run method workflows, under names that other processes use too."""

from threading import Lock

from stepwell.core.definition import WorkflowDefinition
from stepwell.core.origin import is_owner
from stepwell.errors import ConfigurationError, UnregisteredInstance
from stepwell.model.ids import check_route_part


class Instances:
    """Objects by name, one table per engine. Objects are told apart by identity and kept alive.

        instances.register("eu", Shop("eu-central"))

    Safe to use from any thread. `generation` rises with every change.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._by_name: dict[str, object] = {}
        self._names: dict[int, str] = {}  # by id(): instances need not be hashable
        self._lock = Lock()

    def register(self, name: str, instance: object, *, replace: bool = False) -> None:
        """Name an instance; the same pair again changes nothing.

        Raises ConfigurationError if the name is another's (unless `replace`) or the instance has another
        name, InvalidArgument for a name that cannot be one.
        """
        check_route_part(name, "the name of an instance")
        with self._lock:
            known = self._by_name.get(name)
            if known is instance:
                return
            if known is not None and not replace:
                raise ConfigurationError(f"another {type(known).__qualname__} is registered as {name!r}")
            if id(instance) in self._names:
                raise ConfigurationError(f"this instance is registered as {self._names[id(instance)]!r}")
            if known is not None:
                del self._names[id(known)]
            self._by_name[name] = instance
            self._names[id(instance)] = name
            self.generation += 1

    def name_of(self, instance: object) -> str:
        """The name of a registered instance. Raises UnregisteredInstance with the fix."""
        name = self._names.get(id(instance))
        if name is None:
            kind = type(instance).__qualname__
            raise UnregisteredInstance(
                f"this {kind} has no name by which another process could find it: "
                f'engine.register("...", instance) before its workflows are started'
            )
        return name

    def instance(self, name: str) -> object:
        """The instance of this name. Raises UnregisteredInstance."""
        if name not in self._by_name:
            raise UnregisteredInstance(f"no instance has the name {name!r}: engine.register({name!r}, ...)")
        return self._by_name[name]

    def names_for(self, definition: WorkflowDefinition) -> list[str]:
        """The names of those instances whose class has this method, itself or by inheritance."""
        known = list(self._by_name.items())
        return [name for name, instance in known if _has(type(instance), definition)]


def _has(cls: type, definition: WorkflowDefinition) -> bool:
    return any(is_owner(each, definition.fn, definition.origin) for each in cls.__mro__)
