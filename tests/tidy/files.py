"""The project's own files, as the tidy tests see them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "stepwell"
TEXT = {".py", ".sql", ".md", ".toml", ".yml", ".yaml", ".txt", ".html", ".css", ".js", ".json", ".sh", ""}
GENERATED = {".venv", ".venv-bench", "build", "dist", "__pycache__", "node_modules"}


def below(directory: Path, pattern: str) -> list[Path]:
    """Files of the project below `directory`, sorted; nothing that was generated or installed."""
    return [path for path in project_files() if path.is_relative_to(directory) and path.match(pattern)]


def text_files() -> list[Path]:
    return [path for path in project_files() if path.suffix in TEXT]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def project_files() -> list[Path]:
    """What git would keep; without git, everything that is not in a directory of generated files."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        found = [ROOT / name for name in done.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not generated(path.relative_to(ROOT))]
    return sorted(path for path in found if path.is_file())


def generated(path: Path) -> bool:
    return any(part in GENERATED or part.startswith(".") for part in path.parts)
