"""`stepwell worker`: real processes that execute, stop when told to, and are replaced when they die."""

import json
import os
import signal
from pathlib import Path

import pytest

from stepwell import Client
from tests.cli.kit import LONGEST_SECONDS, Program, eventually


def test_it_executes_and_stops_on_sigterm(program: Program, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    worker = program.start(log, "worker", "shop:engine")
    wait_for_a_worker(program)
    program("run", "shop:greet", "secret-name", "--id", "g", "--detach")
    assert program("workflow", "result", "g", "--timeout", "20").stdout == "hello secret-name\n"
    (executor,) = json.loads(program("executor", "list", "--json").stdout)["executors"]
    assert executor["state"] == "live"
    assert "shop:greet" in executor["serves"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(LONGEST_SECONDS) == 0
    assert json.loads(program("executor", "list", "--json").stdout) == {"executors": []}
    lines = log.read_text().splitlines()
    assert any("workflow.ended workflow_id=g" in line and "status=SUCCESS" in line for line in lines)
    assert lines[-1].endswith("has stopped")
    assert "secret-name" not in log.read_text()


def test_ctrl_c_is_a_clean_end_too_and_json_lines_are_json(program: Program, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    worker = program.start(log, "worker", "shop", "--json", "--log-level", "debug")
    wait_for_a_worker(program)
    program("run", "shop:whoami", "--id", "w", "--detach")
    assert program("workflow", "result", "w", "--timeout", "20").stdout == f"{worker.pid}\n"
    worker.send_signal(signal.SIGINT)
    assert worker.wait(LONGEST_SECONDS) == 0
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert {record["pid"] for record in records} == {worker.pid}
    ended = [record for record in records if record["message"] == "step.ended"]
    assert [(record["workflow_id"], record["ended"]) for record in ended] == [("w", "ok")]


def test_a_process_that_dies_is_replaced_and_all_stop_together(program: Program, tmp_path: Path) -> None:
    log = tmp_path / "workers.log"
    supervisor = program.start(log, "worker", "shop:engine", "--processes", "2")
    wait_for_a_worker(program)
    first = eventually(lambda: pids(program, 2), "two processes")
    os.kill(min(first), signal.SIGKILL)
    eventually(lambda: pids(program, 3) and "another takes its place" in log.read_text(), "a third process")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(LONGEST_SECONDS) == 0
    eventually(lambda: not any(map(alive, started(log))), "no process is left")


def test_a_second_signal_does_not_wait(program: Program, tmp_path: Path) -> None:
    log = tmp_path / "workers.log"
    supervisor = program.start(log, "worker", "shop:engine", "--processes", "2")
    wait_for_a_worker(program)
    eventually(lambda: pids(program, 2), "two processes")
    program("run", "shop:doze", "60", "--id", "d", "--detach")
    eventually(lambda: in_a_process(program, "d"), "a run that goes on and on")
    supervisor.send_signal(signal.SIGTERM)
    eventually(lambda: "has stopped" in log.read_text(), "the process that has nothing to do stops")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(LONGEST_SECONDS) == 0
    eventually(lambda: not any(map(alive, started(log))), "no process is left")


def test_processes_do_not_outlive_a_killed_supervisor(program: Program, tmp_path: Path) -> None:
    log = tmp_path / "workers.log"
    supervisor = program.start(log, "worker", "shop:engine", "--processes", "2")
    wait_for_a_worker(program)
    eventually(lambda: pids(program, 2), "two processes")
    supervisor.kill()
    supervisor.wait()
    eventually(lambda: not any(map(alive, started(log))), "no process is left")
    assert log.read_text().count("has stopped") == 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("shop:greet", 2, ("not an engine", "shop:engine")),
        ("shop:motor", 4, ("shop has no 'motor'", "shop:engine")),
        ("two_engines", 2, ("two_engines has 2 engines", "two_engines:first")),
        ("nothing:engine", 4, ("there is no module 'nothing'",)),
        ("broken:engine", 1, ("RuntimeError: no configuration",)),
        ("shop:greet --processes 2", 2, ("not an engine", "shop:engine")),
    ],
)
def test_what_is_no_engine_is_told(program: Program, words: str, code: int, told: tuple[str, ...]) -> None:
    done = program("worker", *words.split(), code=code)
    for text in told:
        assert text in done.stderr


def wait_for_a_worker(program: Program) -> None:
    """Until one is in the table."""

    def there() -> bool:
        with Client(program.database) as client:
            return bool(client.executors())

    eventually(there, "a worker that serves")


def in_a_process(program: Program, id: str) -> bool:
    with Client(program.database) as client:
        return client.handle(id).status().status == "PENDING"


def pids(program: Program, count: int) -> list[int]:
    """Of the processes in the table, if there are so many."""
    with Client(program.database) as client:
        found = [int(info.label.rpartition(":")[2]) for info in client.executors()]
    return found if len(found) >= count else []


def started(log: Path) -> set[int]:
    """The processes that have said so."""
    return {int(line.split(" process ")[1].split()[0]) for line in log.read_text().splitlines() if " serves " in line}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process whose parent was killed may wait for its new parent to notice its end.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_sigterm_while_the_database_is_away_ends_it_at_once(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    program = Program("postgresql://nobody:none@127.0.0.1:1/nowhere")
    worker = program.start(log, "worker", "shop:engine")
    try:
        eventually(lambda: "retrying" in log.read_text(), "it is waiting for the database")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 128 + signal.SIGTERM
    finally:
        program.close()
