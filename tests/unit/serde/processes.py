"""A fresh interpreter that finds what this one finds."""

import os
import subprocess
import sys


def run_python(code: str, **env: str) -> str:
    """What `code` prints; its failure is the test's."""
    found = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | found | env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
