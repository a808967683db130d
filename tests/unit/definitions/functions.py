"""Functions as if they came from any file, module and class: rules about names need many places."""

from collections.abc import Callable
from textwrap import dedent
from typing import Any


def defined(source: str, name: str, *, file: str = "/srv/shop.py", module: str = "shop") -> Callable[..., Any]:
    """What `name` (dotted) is after executing the source as that file of that module."""
    namespace: dict[str, Any] = {"__name__": module}
    exec(compile(dedent(source), file, "exec"), namespace)
    first, *rest = name.split(".")
    found = namespace[first]
    for each in rest:
        found = vars(found)[each]
    return found  # type: ignore[no-any-return]
