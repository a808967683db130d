"""The hash of a function's code: another body is another hash, another process is not."""

import math
import subprocess
import sys

from stepwell.core.code_hint import hash_of_code
from tests.unit.definitions.functions import defined

SOURCE = """
def fn(x: int) -> int:
    def inner(y):
        return y + 1
    return inner(x) if x in {"a", "b", "c", "d"} else (1, "two", 3.0)
"""


def hash_of(source: str, file: str = "/srv/shop.py") -> str:
    return hash_of_code(defined(source, "fn", file=file))


def test_a_hash_is_32_hex_digits() -> None:
    assert len(bytes.fromhex(hash_of(SOURCE))) == 16


def test_place_comments_and_format_do_not_count() -> None:
    moved = "\n\n# a comment\n" + SOURCE.replace("y + 1", "(y\n        + 1)  # another")
    assert hash_of(moved, "/elsewhere.py") == hash_of(SOURCE)


def test_body_constants_names_parameters_and_annotations_count() -> None:
    changed = [
        SOURCE.replace("y + 1", "y - 1"),
        SOURCE.replace("y + 1", "y + 2"),
        SOURCE.replace("inner", "outer"),
        SOURCE.replace('"d"', '"e"'),
        SOURCE.replace("x: int", "x: str"),
        SOURCE.replace("x: int", "x: int, *, z=0"),
    ]
    assert len({hash_of(source) for source in [SOURCE, *changed]}) == len(changed) + 1


def test_annotations_that_do_not_exist_at_run_time_do_no_harm() -> None:
    source = "from __future__ import annotations\ndef fn(x: Missing) -> None: ..."
    assert hash_of(source) != hash_of(source.replace("Missing", "Other"))


def test_annotations_that_are_evaluated_late_and_fail_do_no_harm() -> None:
    class Late:
        __code__ = (lambda: None).__code__

        @property
        def __annotations__(self) -> dict[str, object]:  # type: ignore[override]
            raise NameError("imported for type checkers only")

        def __call__(self) -> None: ...

    assert hash_of_code(Late()) != hash_of_code(lambda: 1)


def test_it_is_the_same_in_every_process() -> None:
    """Sets are in another order in each: with one seed this would not be seen."""
    script = (
        "from stepwell.core.code_hint import hash_of_code\n"
        "def fn(x): return x in {'a', 'b', 'c', 'd', 'e', 'f'}\n"
        "print(hash_of_code(fn))"
    )
    seeds = ("1", "2", "3")
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in seeds
    }
    assert len(outputs) == 1


def test_a_function_without_bytecode_is_hashed_by_name() -> None:
    assert hash_of_code(math.sqrt) != hash_of_code(math.floor)
