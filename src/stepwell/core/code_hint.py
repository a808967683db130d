"""A hash of a function's own code, to tell "the same code again" from "somebody deployed something".

It is taken from what is loaded, not from the source file: during a deploy the file may be newer than the
process. Comments and formatting do not count, nested functions do, functions that it calls do not. It is
the same in every process with this code and Python version.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from types import CodeType
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def hash_of_code(fn: Callable[..., Any]) -> str:
    """32 hex digits. Functions without bytecode (compiled extensions) are hashed by their source or name."""
    fn = inspect.unwrap(fn)
    digest = blake2b(digest_size=16)
    for part in _parts(fn):
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()


def _parts(fn: Callable[..., Any]) -> Iterator[bytes]:
    code = getattr(fn, "__code__", None)
    if not isinstance(code, CodeType):
        yield _source_or_name(fn).encode(errors="replace")
        return
    for name, annotation in _annotations(fn).items():  # they decide how recorded inputs are read
        yield f"{name}: {_ADDRESS.sub('', _shown(annotation))}".encode(errors="replace")
    yield from _code_parts(code)


def _code_parts(code: CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield code.co_exceptiontable
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    yield repr((names, counts)).encode(errors="replace")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        else:
            yield _stable(constant).encode(errors="replace")


def _stable(constant: object) -> str:
    """repr, but sets sorted: their order differs from process to process."""
    if isinstance(constant, frozenset):
        return f"frozenset({sorted(map(_stable, constant))})"
    if isinstance(constant, tuple):
        return f"({', '.join(map(_stable, constant))})"
    return repr(constant)


def _annotations(fn: Callable[..., Any]) -> dict[str, object]:
    try:
        return inspect.get_annotations(fn)
    except NameError:  # evaluated late, and imported for type checkers only
        return {}


def _shown(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _source_or_name(fn: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(fn)
    except (OSError, TypeError):
        return f"{fn.__module__}:{fn.__qualname__}"
