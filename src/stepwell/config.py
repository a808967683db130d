"""Where the database's URL comes from when the code does not say."""

import os
import tomllib
from pathlib import Path

from stepwell.errors import ConfigurationError

DEFAULT_URL = "sqlite:///stepwell.db"
_SCHEMES = ("postgresql://", "postgres://", "sqlite://")


def database_url(given: str | None = None) -> str:
    """`given`, $STEPWELL_DATABASE_URL, $DATABASE_URL, [tool.stepwell] database in pyproject.toml (here or
    above), or one SQLite file. Raises ConfigurationError for a URL of no known kind; the message hides passwords."""
    url = (
        given
        or os.environ.get("STEPWELL_DATABASE_URL")
        or os.environ.get("DATABASE_URL")
        or _pyproject()
        or DEFAULT_URL
    )
    if not isinstance(url, str) or not url.startswith(_SCHEMES):
        shown = (
            str(url).split("://", 1)[0]
            if "://" in str(url)
            else type(url).__name__
            if not isinstance(url, str)
            else url
        )
        raise ConfigurationError(
            f"the database must be a URL like postgresql://... or sqlite:///file.db, not {shown!r}"
        )
    return url


def _pyproject() -> str | None:
    directory = Path.cwd()
    for folder in (directory, *directory.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            try:
                found = tomllib.loads(file.read_text("utf-8")).get("tool", {}).get("stepwell", {}).get("database")
            except (OSError, tomllib.TOMLDecodeError) as error:
                raise ConfigurationError(f"{file} cannot be read: {error}") from error
            return found if isinstance(found, str) else None
    return None
