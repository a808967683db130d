"""Loads the statements of a store: one statement per file, `sql/<concept>/<verb>.sql`.

The files are plain SQL that can be pasted into a client as they stand: they name the default schema,
`stepwell.`, and loading replaces that by the configured one. A statement is known by "<concept>/<verb>".
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

_SCHEMA = re.compile(r"\bstepwell\.")
_COMMENT_LINE = re.compile(r"^\s*--.*\n?", re.MULTILINE)


def quote_identifier(name: str) -> str:
    """The one place where an identifier enters SQL text. ValueError for an empty one or one with NUL."""
    if not name or "\0" in name:
        raise ValueError(f"not usable as an SQL identifier: {name!r}")
    return '"' + name.replace('"', '""') + '"'


def substitute(sql: str, schema: str) -> str:
    """`sql` with the default schema's name replaced; schema "" removes the qualification (SQLite)."""
    prefix = f"{quote_identifier(schema)}." if schema else ""
    return _SCHEMA.sub(lambda _: prefix, sql)


@cache
def statement_of(path: Path) -> str:
    """The one statement of a file that is not among those of a store, without its comment lines."""
    return _COMMENT_LINE.sub("", path.read_text(encoding="utf-8")).strip().removesuffix(";")


@cache
def load(package_dir: Path, schema: str) -> Mapping[str, str]:
    """All statements below `package_dir`/sql, by "<concept>/<verb>", without their comment lines."""
    root = package_dir / "sql"
    return MappingProxyType(
        {
            path.relative_to(root).with_suffix("").as_posix(): substitute(
                _COMMENT_LINE.sub("", path.read_text(encoding="utf-8")), schema
            )
            .strip()
            .removesuffix(";")
            for path in sorted(root.glob("*/*.sql"))
        }
    )
