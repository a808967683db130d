"""What the worker processes of these tests share: an engine on the test's database, traces, and a pipe to the test."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from stepwell import Settings, Stepwell

#: Short, so that a takeover takes seconds: five is the least that a lease may be.
QUICK: dict[str, Any] = {"lease": 5.0, "sweep_interval": 0.3, "poll_interval": 0.1}


def quick(**changes: Any) -> Settings:
    """The settings of all engines here."""
    return Settings(**{**QUICK, **changes})


def say(*words: Any) -> None:
    """One message to the test, in one write: it is out before whatever happens next."""
    os.write(1, json.dumps(words).encode() + b"\n")


def hear() -> Any:
    """The test's next message; None when it has hung up."""
    line = sys.stdin.readline()
    return json.loads(line) if line else None


def effect(*words: Any) -> None:
    """Leave a trace outside the database: [pid, *words], appended in one write."""
    file = os.open(os.environ["FAULTS_EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, json.dumps([os.getpid(), *words]).encode() + b"\n")
    finally:
        os.close(file)


def role() -> str:
    """What the test calls this process."""
    return os.environ["FAULTS_ROLE"]


class Announcing(Stepwell):
    """Says "up" once it serves."""

    def launch(self) -> None:
        """See `Stepwell`."""
        super().launch()
        say("up")


def make_engine(**changes: Any) -> Stepwell:
    """This process's engine; the test's settings win."""
    return Announcing(
        os.environ["FAULTS_URL"],
        settings=quick(**{**changes, **json.loads(os.environ["FAULTS_SETTINGS"])}),
    )


def obey(engine: Stepwell, **verbs: Callable[..., Any]) -> None:
    """Serve, and do what the test says: [verb, *arguments] is answered by ["did", verb, answer]. Ends with the test."""
    with engine:
        while (message := hear()) is not None:
            verb, *arguments = message
            say("did", verb, verbs[verb](*arguments))
