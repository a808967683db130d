"""The fixtures that look for leaks find them, and nothing else: pytest runs on tests that leak."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from stepwell.testing import PostgresServer
from tests.fixtures.postgres import OVERRIDE

ROOT = Path(__file__).parents[3]

SOURCE = """
    import asyncio, threading, psycopg

    kept, stop = [], threading.Event()

    def test_forgets_a_thread():
        threading.Thread(target=stop.wait, args=[2.5], name="lost-thread").start()

    async def test_forgets_a_task():
        kept.append(asyncio.create_task(asyncio.sleep(60), name="lost-task"))

    def test_forgets_a_connection(postgres_url):
        kept.append(psycopg.connect(postgres_url, application_name="lost-connection"))

    def test_ends_its_thread():
        thread = threading.Thread(target=lambda: None)
        thread.start()

    async def test_ends_its_task():
        kept.append(asyncio.create_task(asyncio.sleep(0)))

    def test_ends_its_connection(postgres_url):
        psycopg.connect(postgres_url).close()
    """


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> str:
    """What pytest prints about SOURCE under the project's settings and fixtures."""
    directory = tmp_path_factory.mktemp("leaking")
    (directory / "test_leaking.py").write_text(dedent(SOURCE))
    (directory / "conftest.py").write_text("from tests.conftest import *\n")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(directory), str(directory)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        OVERRIDE: postgres_server.url,
    }
    return subprocess.run(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True, check=False
    ).stdout


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("test_forgets_a_thread", "the test left threads running: lost-thread"),
        ("test_forgets_a_task", "the test left tasks running: lost-task"),
        ("test_forgets_a_connection", r"the test left connections open: pid \d+ 'lost-connection'"),
    ],
)
def test_a_leak_fails_the_test_that_leaks(report: str, test: str, words: str) -> None:
    assert re.search(rf"ERROR at teardown of {test} _+\n{words}", report), report


def test_nothing_else_fails(report: str) -> None:
    assert "6 passed, 3 errors" in report, report
