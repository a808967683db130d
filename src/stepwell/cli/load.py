"""`module:attribute` as given on the command line: imported from where one stands."""

import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from stepwell.cli.exits import Exit, Failure
from stepwell.decorators import AsyncWorkflow, Workflow
from stepwell.engine import Stepwell

AnyWorkflow = Workflow[..., Any] | AsyncWorkflow[..., Any]


def load_engine(place: str) -> Stepwell:
    """The engine at `module:engine`; `module` alone, if it has exactly one. Raises Failure."""
    module, attribute = _module_and_attribute(place)
    if not attribute:
        return only_engine(module)
    found = _attribute(module, attribute, _of_kind(module, Stepwell))
    if not isinstance(found, Stepwell):
        raise Failure(
            f"{place} is a {type(found).__name__}, not an engine",
            Exit.USAGE,
            _choice("engines", module, _of_kind(module, Stepwell))
            or f'Write `engine = Stepwell("...")` in {module.__name__}.',
        )
    return found


def load_workflow(place: str) -> tuple[ModuleType, AnyWorkflow]:
    """The workflow at `module:workflow` (also `module:object.method`), and its module. Raises Failure."""
    module, attribute = _module_and_attribute(place)
    known = _of_kind(module, Workflow, AsyncWorkflow)
    if not attribute:
        raise Failure(f"which workflow of {place}?", Exit.USAGE, _choice("workflows", module, known))
    found = _attribute(module, attribute, known)
    if not isinstance(found, Workflow | AsyncWorkflow):
        raise Failure(
            f"{place} is a {type(found).__name__}, not a workflow",
            Exit.USAGE,
            _choice("workflows", module, known) or "Decorate the function with @workflow.",
        )
    return module, found


def only_engine(module: ModuleType) -> Stepwell:
    """The engine of a module that has one. Raises Failure."""
    engines = _of_kind(module, Stepwell)
    distinct = {id(vars(module)[name]): name for name in engines}
    if len(distinct) != 1:
        problem = "has no engine" if not distinct else f"has {len(distinct)} engines"
        raise Failure(
            f"{module.__name__} {problem}",
            Exit.USAGE,
            _choice("engines", module, engines) or f'Write `engine = Stepwell("...")` in {module.__name__}.',
        )
    engine: Stepwell = vars(module)[engines[0]]
    return engine


def import_module(name: str) -> ModuleType:
    """Import with the current directory in front, as `python -m` does. Raises Failure: what, and where."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            hint = f"Names are those of `import`, seen from {here}."
            if name.endswith(".py"):
                hint = f"Leave the .py away: {name.removesuffix('.py').replace('/', '.')}"
            raise Failure(f"there is no module {name!r}", Exit.NOT_FOUND, hint) from None
        raise _broken(name, error) from error
    except Exception as error:
        raise _broken(name, error) from error


def _module_and_attribute(place: str) -> tuple[ModuleType, str]:
    name, _, attribute = place.partition(":")
    if not name:
        raise Failure(f"{place!r} is no place: give module:name", Exit.USAGE)
    return import_module(name), attribute


def _attribute(module: ModuleType, path: str, known: list[str]) -> Any:
    found: Any = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            kind = "workflows" if known and not isinstance(vars(module)[known[0]], Stepwell) else "engines"
            raise Failure(f"{module.__name__} has no {path!r}", Exit.NOT_FOUND, _choice(kind, module, known)) from None
    return found


def _of_kind(module: ModuleType, *kinds: type) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, kinds)]


def _choice(what: str, module: ModuleType, names: list[str]) -> str:
    return f"It has these {what}: " + ", ".join(f"{module.__name__}:{name}" for name in names) if names else ""


def _broken(name: str, error: Exception) -> Failure:
    """Somebody's module raised: type, message and the last line of theirs that did."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    if isinstance(error, SyntaxError):
        place = f"{error.filename}:{error.lineno}"
    else:
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else name
    return Failure(
        f"{name} cannot be imported: {type(error).__name__}: {error}",
        Exit.FAILED,
        f"It was raised at {place}.",
    )
