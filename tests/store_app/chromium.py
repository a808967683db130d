"""Where the system's Chromium is. `python tests/store_app/chromium.py` installs it where that is possible.

The Makefile calls it before the tests: as root on Debian and its relatives it asks apt-get; elsewhere it says what is
missing, and the tests that need a browser are skipped with that reason.
"""

import os
import shutil
import subprocess

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
NOT_FOUND = "no Chromium: install Debian's package chromium, or set CHROMIUM to a program"


def find_chromium() -> str | None:
    """The program, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


def install_chromium() -> None:
    """If it is missing, may be installed, and can be. Never fails."""
    if find_chromium() is not None:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"{NOT_FOUND}. The browser tests will be skipped.")
        return
    print("installing Chromium for the browser tests (apt-get) ...", flush=True)
    install = ("install", "--yes", "-qq", "--no-install-recommends", "chromium")
    if not apt_get(*install):
        apt_get("update", "-qq")
        apt_get(*install)
    if find_chromium() is None:
        print(f"apt-get did not install Chromium; {NOT_FOUND}. The browser tests will be skipped.")


def apt_get(*words: str) -> bool:
    """Without questions and without words; whether it did."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["apt-get", *words], env=environment, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    install_chromium()
