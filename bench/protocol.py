"""How the parent has one measurement made: a fresh child process per measurement, and one JSON line back.

The line comes through a pipe of its own, so whatever a system prints goes to the child's log and is shown
only when the child fails.
"""

import importlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bench.peers import Peer, load_peer

ROOT = Path(__file__).resolve().parent.parent
LOG_TAIL_CHARS = 800
LOG_TAIL_LINES = 3
EXIT_SECONDS = 30.0  # after the answer: draining and closing
SHORT_SECONDS = 2.0  # after the pipe closed without one


@dataclass(frozen=True, slots=True)
class Job:
    """One measurement: `task` is "module:function" of a row, `url` the database that it may use up."""

    system: str
    task: str
    url: str
    params: Mapping[str, Any]


@dataclass(slots=True)
class Answer:
    """What a child measured. `failures` counts runs or steps that did not end as they should have."""

    values: dict[str, float] = field(default_factory=dict)
    failures: int = 0
    trouble: str = ""


class Child:
    """The child's side: the system under test, the job, and the one answer."""

    def __init__(self, job: Job, answer_fd: int) -> None:
        self.job = job
        self.url = job.url
        self.params = job.params
        self.peer: Peer = load_peer(job.system)
        self._answer_fd = answer_fd

    def answer(self, values: Mapping[str, float], failures: int = 0, trouble: str = "") -> None:
        """Send the result; a task may go on after that (and be killed)."""
        line = json.dumps({"values": dict(values), "failures": failures, "trouble": trouble}) + "\n"
        os.write(self._answer_fd, line.encode())


def child_main(arguments: list[str]) -> None:
    """`python -m bench.child JOB FD`."""
    job = Job(**json.loads(arguments[0]))
    module, _, name = job.task.partition(":")
    child = Child(job, int(arguments[1]))
    getattr(importlib.import_module(module), name)(child)


def run_child(job: Job, *, timeout: float, kill_after_answer: bool = False) -> Answer:
    """Run a job in a process of its own for at most `timeout` seconds; never raises for what the child does.

    With `kill_after_answer` the child gets SIGKILL as soon as it has answered: a crash, for recovery.
    """
    read_end, write_end = os.pipe()
    with tempfile.TemporaryFile() as log:
        try:
            process = _spawn(job, write_end, log)
        finally:
            os.close(write_end)
        try:
            line = _read_line(read_end, timeout)
            if kill_after_answer and line:
                process.kill()
            ended_by_itself = _wait(process, EXIT_SECONDS if line else SHORT_SECONDS)
        finally:
            os.close(read_end)
            process.kill()  # does nothing to a process that has ended
            process.wait()
        answer = Answer(**json.loads(line)) if line else Answer()
        end = f"ended with status {process.returncode}" if ended_by_itself else "had to be killed"
        if not line:
            answer.failures += 1
            answer.trouble = f"no answer (at most {timeout:.0f} s), {end}; {_tail(log)}"
        elif not kill_after_answer and process.returncode != 0:
            answer.failures += 1
            answer.trouble = "; ".join(filter(None, [answer.trouble, f"answered, then {end}", _tail(log)]))
        return answer


def _wait(process: "subprocess.Popen[bytes]", timeout: float) -> bool:
    """Whether it ended within `timeout` seconds."""
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        return False
    return True


def _spawn(job: Job, write_end: int, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    payload = json.dumps({"system": job.system, "task": job.task, "url": job.url, "params": dict(job.params)})
    command = [sys.executable, "-m", "bench.child", payload, str(write_end)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[write_end])


def _read_line(descriptor: int, timeout: float) -> bytes:
    """Everything up to the first newline, the pipe's end or the deadline."""
    deadline = time.monotonic() + timeout
    received = b""
    while b"\n" not in received:
        readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(descriptor, 65536) if readable else b""
        if not chunk:
            return b""
        received += chunk
    return received


def _tail(log: IO[bytes]) -> str:
    """The last lines of what the child printed, without the indented ones (a traceback's places)."""
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line[:1].strip()]
    return "the child printed: " + "; ".join(lines[-LOG_TAIL_LINES:])[-LOG_TAIL_CHARS:]
