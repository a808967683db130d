"""Rules of style that the linters do not know. Each test lists every place that breaks its rule."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.tidy.files import PACKAGE, ROOT, below, shown, text_files

MOST_LINES = 375
SAYS_SQL = {"store", "testing"}
# Where the world comes in: everything else is handed its clock, its ids and its settings.
BRINGS_THE_WORLD_IN = {"system.py", "cli", "web", "integrations", "testing", "engine.py", "client.py", "config.py"}
# A statement's first words.
SQL = re.compile(
    r"\s*(select\b.+\bfrom|insert\s+into|update\b.+\bset|delete\s+from|create\s+(table|index|schema))\b",
    re.IGNORECASE | re.DOTALL,
)
WORLD = {
    *("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.datetime.now"),
    *("uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4", "random.random", "os.environ", "os.getenv"),
}


def test_a_file_is_read_in_one_sitting() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in below(PACKAGE, "*.py")}
    too_long = {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    assert not too_long, f"one concern per file, at most {MOST_LINES} lines: {too_long}"


def test_public_modules_say_what_they_are_for() -> None:
    silent = []
    for path in below(PACKAGE, "*.py"):
        private = path.name.startswith("_") and not path.name.startswith("__")
        source = path.read_text()
        if not private and source.strip() and not ast.get_docstring(ast.parse(source)):
            silent.append(shown(path))
    assert not silent, f"modules without a docstring: {silent}"


def test_what_is_ignored_has_a_code() -> None:
    bare = re.compile(r"#\s*(type|pyright):\s*ignore(?!\[)|#\s*noqa(?!:)")
    found = [place for path in below(ROOT, "*.py") for place in places(path, bare)]
    assert not found, "ignore with the code of what is ignored:\n" + "\n".join(found)


def test_sql_files_begin_with_what_they_are_for() -> None:
    header = re.compile(r"\s*--.*\w{3}")
    silent = [shown(path) for path in below(PACKAGE, "*.sql") if not header.match(path.read_text())]
    assert not silent, f"files without a header comment: {silent}"


def test_sql_is_said_in_the_store_only() -> None:
    found = [
        f"{shown(path)}:{line}: {text[:60]!r}"
        for path in below(PACKAGE, "*.py")
        if path.relative_to(PACKAGE).parts[0] not in SAYS_SQL
        for line, text in strings(path)
        if SQL.match(text)
    ]
    assert not found, "a statement is a verb of the store:\n" + "\n".join(found)


def test_the_world_is_handed_in() -> None:
    found = [
        f"{shown(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in below(PACKAGE, "*.py")
        if path.relative_to(PACKAGE).parts[0] not in BRINGS_THE_WORLD_IN
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in WORLD
        if isinstance(node.ctx, ast.Load)
    ]
    assert not found, "tests cannot move what the code reads by itself:\n" + "\n".join(found)


def test_no_text_names_a_place_of_one_machine() -> None:
    machine = re.compile(r"(?<![\w.])/" + "(work|root|home|Users)" + r"/\w")
    found = [place for path in text_files() for place in places(path, machine)]
    assert not found, "\n".join(found)


def places(path: Path, pattern: re.Pattern[str]) -> list[str]:
    lines = enumerate(path.read_text().splitlines(), start=1)
    return [f"{shown(path)}:{number}: {line.strip()[:80]}" for number, line in lines if pattern.search(line)]


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """String constants that are not docstrings."""
    tree = ast.parse(path.read_text())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value
