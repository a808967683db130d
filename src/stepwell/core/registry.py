"""The workflows of this process by name, and the named instances of an engine. Steps are not registered."""

from collections.abc import Iterator
from threading import Lock

from stepwell.core.definition import WorkflowDefinition
from stepwell.core.instances import Instances
from stepwell.errors import DuplicateDefinition


def route(name: str, version: str | None, instance: str | None) -> str:
    """Name, version and instance as the one text by which runs are claimed.

    route("shop:checkout", None, None)      # "shop:checkout||"
    route("shop:Shop.pay", "2", "eu")       # "shop:Shop.pay|2|eu"
    """
    return f"{name}|{version or ''}|{instance or ''}"


class Registry:
    """Workflows by name and alias. There is one per process (`REGISTRY`): decorators fill it at import.

    Safe to use from any thread. `generation` rises with every change, so that an engine sees at a glance
    whether what it serves is still all there is.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._named: dict[str, WorkflowDefinition] = {}
        self._lock = Lock()

    def add(self, definition: WorkflowDefinition, *, replace: bool = False) -> None:
        """Register under the name and all aliases, or under none.

        The same file and qualified name again replaces: a reload, a notebook's cell run again. `replace`
        also replaces another function of that name, such as an earlier closure. Otherwise raises
        DuplicateDefinition naming both places.
        """
        with self._lock:
            replaced = {self._replaceable(name, definition, replace) for name in _names(definition)}
            kept = {name: known for name, known in self._named.items() if known not in replaced}
            self._named = kept | dict.fromkeys(_names(definition), definition)
            self.generation += 1

    def find(self, name: str) -> WorkflowDefinition | None:
        """The workflow of this name or alias."""
        return self._named.get(name)

    def definitions(self) -> list[WorkflowDefinition]:
        """All workflows, each once, in the order of their registration."""
        return list(dict.fromkeys(self._named.values()))

    def served(self, instances: Instances) -> dict[str, WorkflowDefinition]:
        """Every route that this process can execute, and by which workflow.

        Each name and alias with its version (what was started of it) and without (what was started before
        it had one); a method with the name of every registered instance of its class.
        """
        return {each: d for d in self.definitions() for each in _routes(d, instances)}

    def routes(self, instances: Instances) -> list[str]:
        """The routes of `served`."""
        return list(self.served(instances))

    def _replaceable(self, name: str, new: WorkflowDefinition, replace: bool) -> WorkflowDefinition | None:
        """The known workflow that has to make room under this name, if any."""
        known = self._named.get(name)
        if known is None or known.origin.is_place_of(new.origin) or (replace and known.name == new.name):
            return known
        fix = "replace=True replaces the earlier" if new.origin.is_local else "give one of them name="
        both = f"{known.origin} and {new.origin}"
        raise DuplicateDefinition(f"two workflows are called {name!r}: {both}; {fix}")


def _names(definition: WorkflowDefinition) -> tuple[str, ...]:
    return (definition.name, *definition.aliases)


def _routes(definition: WorkflowDefinition, instances: Instances) -> Iterator[str]:
    versions = {definition.version: None, None: None}
    receivers = instances.names_for(definition) if definition.is_method else [None]
    for name in _names(definition):
        for version in versions:
            for instance in receivers:
                yield route(name, version, instance)


#: The registry of this process.
REGISTRY = Registry()
