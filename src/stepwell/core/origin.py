"""Where a function comes from, by names that hold in every process that runs the same code."""

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

#: What a script's own module is called: run directly, or again in a spawned child of multiprocessing.
_MAIN = frozenset({"__main__", "__mp_main__"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a function is defined.

    `module` is importable: a script's stem for `__main__`. `file` is `<module>` for cells of a notebook
    and lines of a prompt, which have no lasting file.
    """

    module: str
    qualname: str
    file: str
    line: int

    @property
    def is_local(self) -> bool:
        """Whether any number of functions may share this origin: closures and lambdas."""
        return "<" in self.qualname  # <locals>, <lambda>

    @property
    def owner(self) -> str:
        """The qualified name of the class whose body defines it, or ''."""
        owner = self.qualname.rpartition(".")[0]
        return "" if owner.endswith("<locals>") else owner

    @property
    def short_name(self) -> str:
        """The qualified name without the functions around it."""
        return self.qualname.rpartition("<locals>.")[2]

    def is_place_of(self, other: "Origin") -> bool:
        """Whether the other can only be another version of the same function: a reload, a cell run again."""
        return not self.is_local and (self.file, self.qualname) == (other.file, other.qualname)

    def __str__(self) -> str:
        return f"{self.qualname} ({self.file}:{self.line})"


def origin_of(fn: Callable[..., Any]) -> Origin:
    """The origin of a function; of the innermost, if decorators with functools.wraps lie around it."""
    inner = inspect.unwrap(fn)
    module = importable_module(fn.__module__, getattr(inner, "__globals__", {}))
    code = getattr(inner, "__code__", None)
    if not isinstance(code, CodeType):  # compiled extensions
        return Origin(module, fn.__qualname__, f"<{module}>", 0)
    return Origin(module, fn.__qualname__, _lasting_file(code.co_filename, module), code.co_firstlineno)


def is_owner(cls: type, method: Callable[..., Any], origin: Origin) -> bool:
    """Whether the method of this origin stands in the body of this class.

    The class may be the one of `__main__` and the method of the same file imported, or the other way round.
    """
    if cls.__qualname__ != origin.owner:
        return False
    found = sys.modules.get(cls.__module__)
    importable = importable_module(cls.__module__, vars(found) if found else {})
    return method.__module__ == cls.__module__ or origin.module == importable


def importable_module(module: str, namespace: Mapping[str, Any]) -> str:
    """The name under which another process imports this module; `namespace` is its globals.

    `python -m pkg.shop` and `python shop.py` both call their module `__main__`; a worker that takes runs
    over imports `pkg.shop` or `shop`, and must find the same names. Prompts and notebooks stay `__main__`.
    """
    if module not in _MAIN:
        return module
    spec = namespace.get("__spec__")
    if spec is not None and spec.name not in _MAIN:
        return str(spec.name)
    file = namespace.get("__file__")
    return os.path.splitext(os.path.basename(file))[0] if file else "__main__"


def _lasting_file(filename: str, module: str) -> str:
    is_cell = "/ipykernel_" in filename.replace(os.sep, "/")
    return f"<{module}>" if is_cell or filename.startswith("<") else os.path.realpath(filename)
