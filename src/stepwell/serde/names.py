"""Names of classes in rows: "module:qualname", found again only among modules that are already imported.

A row must not be able to make this process import anything or run anything: the walk looks into `__dict__`s
only, so neither a module's lazy `__getattr__` nor a descriptor or a metaclass is ever asked.
"""

import os
import sys
from types import ModuleType
from typing import Any, cast

#: What a script's own module is called: run directly, or again in a spawned child of multiprocessing.
_MAIN = ("__main__", "__mp_main__")


def name_of(cls: type) -> str:
    """The name under which `cls` is written into rows. Never raises, never holds an address."""
    module: object = type.__getattribute__(cls, "__module__")
    qualname: str = type.__getattribute__(cls, "__qualname__")
    if not isinstance(module, str):
        module = "?"
    return f"{_importable_main() if module in _MAIN else module}:{qualname}"


def find_class(name: str) -> type | None:
    """The class of that name if its module is already imported, else None."""
    module, colon, qualname = name.partition(":")
    if not colon:
        return None
    found = _walk(module, qualname)
    if found is None and module == _importable_main():
        found = _walk("__main__", qualname) or _walk("__mp_main__", qualname)
    return found


def can_be_found(cls: type) -> bool:
    """Whether a reader that has imported the module would find exactly this class (local ones are not)."""
    return find_class(name_of(cls)) is cls


def _walk(module_name: str, qualname: str) -> type | None:
    module = sys.modules.get(module_name)
    if not isinstance(module, ModuleType):
        return None
    found: object = module
    space: Any = object.__getattribute__(module, "__dict__")
    for part in qualname.split("."):
        found = space.get(part)
        if not issubclass(type(found), type):  # not isinstance: `__class__` can lie
            return None
        space = type.__dict__["__dict__"].__get__(found)
    return cast(type, found)


def _importable_main() -> str:
    """What other processes call this process's `__main__`: a worker imports the script under that name."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name not in _MAIN:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return os.path.splitext(os.path.basename(file))[0] if isinstance(file, str) else "__main__"
