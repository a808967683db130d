"""One SQLite file: shared by processes, locked by others, on a disk that is full."""

import contextlib
import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.kit.loads import end_load
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def test_several_processes_on_one_file(place: Place, crew: Crew) -> None:
    workers = [crew.serving("load", role=name) for name in ("a", "b", "c")]
    for worker in workers:
        worker.ask("begin")
    for worker in workers:
        worker.ask("progress", 40)
    answers = [worker.ask("end") for worker in workers]
    assert [(answer["errors"], answer["stuck"]) for answer in answers] == [([], 0)] * 3
    for worker in workers:
        worker.leave()
        assert "Traceback" not in worker.log.read_text(), worker.story()
    assert set(place.statuses()) == {"SUCCESS"}
    roots = place.sql("select count(*) from workflow_status where parent_run_id is null")
    assert roots == [(sum(answer["called"] for answer in answers),)]
    assert place.sql("select count(*) from workflow_status where attempts > 1") == [(0,)]
    assert place.sql("pragma integrity_check") == [("ok",)]


def test_a_file_that_somebody_has_locked_for_longer_than_the_lease(place: Place, crew: Crew) -> None:
    workers = [crew.serving("load", role=name, call_deadline=2.0) for name in ("a", "b")]
    for worker in workers:
        worker.ask("begin")
    for worker in workers:
        worker.ask("progress", 10)
    with _locked(place):
        # Their lease of five seconds ends, and nobody can prolong it: that proves nothing against anybody.
        eventually(lambda: place.sql("select min(lease_until) < unixepoch() - 2 from executors") == [(1,)])
    for worker in workers:
        worker.ask("progress", 10)
    answers = [worker.ask("end") for worker in workers]
    assert [(answer["errors"], answer["stuck"]) for answer in answers] == [([], 0)] * 2
    for worker in workers:
        worker.leave()
        assert "taken for dead" not in worker.log.read_text()
        assert "Traceback" not in worker.log.read_text(), worker.story()
    assert set(place.statuses()) == {"SUCCESS"}
    assert place.sql("select count(*) from workflow_status where attempts > 1") == [(0,)]


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[None]:
    """Somebody's transaction holds the write lock; readers are not in its way."""
    connection = sqlite3.connect(place.directory / "runs.db", isolation_level=None, timeout=30)
    try:
        connection.execute("begin immediate")
        yield
        connection.execute("rollback")
    finally:
        connection.close()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can take a running process's disk away")
def test_a_full_disk_is_a_pause(place: Place, crew: Crew) -> None:
    worker = crew.serving("load", role="w")
    worker.ask("begin")
    worker.ask("progress", 20)
    files = [file for file in place.directory.iterdir() if file.name.startswith("runs.db")]
    # The worker's files cannot grow any more: what a quota does.
    full = max(file.stat().st_size for file in files)
    limits = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (full, limits[1]))
    eventually(lambda: "environment" in worker.ask("health")["database"])
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, limits)
    worker.ask("progress", 20)
    end_load(worker, place)
    assert place.sql("select count(*) from workflow_status where attempts > 1") == [(0,)]
    worker.leave()
    assert place.sql("pragma integrity_check") == [("ok",)]


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """A file system that is three times as large as the log may get, on which the database lies from now on."""
    disk = place.directory / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here (root may, outside of most containers)")
    place.url = f"sqlite:///{disk / 'runs.db'}"
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_file_system_is_a_pause(place: Place, small_disk: Path, crew: Crew) -> None:
    worker = crew.serving("load", role="w")
    worker.ask("begin")
    worker.ask("progress", 20)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 16384)
    eventually(lambda: "environment" in worker.ask("health")["database"])
    filler.unlink()
    worker.ask("progress", 20)
    end_load(worker, place)
    assert place.sql("select count(*) from workflow_status where attempts > 1") == [(0,)]
    worker.leave()
    assert place.sql("pragma integrity_check") == [("ok",)]
    crew.end()
