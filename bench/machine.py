"""The machine behind the figures: absolute times mean nothing without it, and not much with it."""

import os
import platform
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

PACKAGES = ("stepwell", "dbos", "psycopg", "msgspec", "SQLAlchemy")
SYNCS = 200


def describe(postgres_version: str) -> dict[str, object]:
    """What goes into the results: no host names, no paths."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": postgres_version,
        "load_at_start": [round(value, 2) for value in os.getloadavg()],
        "fdatasync_p50_ms": round(_fdatasync_p50() * 1e3, 3),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _fdatasync_p50() -> float:
    """Seconds for one 8 kB write and fdatasync in the temporary directory: the floor under every commit."""
    sync = getattr(os, "fdatasync", os.fsync)
    taken = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(SYNCS):
            started = time.perf_counter()
            os.write(file.fileno(), b"\0" * 8192)
            sync(file.fileno())
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
