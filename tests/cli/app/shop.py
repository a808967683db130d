"""What `stepwell worker` and `stepwell run` import in these tests."""

import os
import time
from dataclasses import dataclass

import stepwell
from stepwell import Settings, Stepwell, step, workflow

engine = Stepwell(settings=Settings(lease=5, sweep_interval=0.5, poll_interval=0.1, drain=60))


@dataclass
class Box:
    width: int
    height: float


@step
def area(box: Box) -> float:
    return box.width * box.height


@workflow
def measure(name: str, box: Box, times: int = 1) -> dict[str, object]:
    return {"name": name, "area": area(box) * times}


@workflow
def greet(name: str) -> str:
    return f"hello {name}"


@workflow
async def shout(*words: str, mark: str = "!") -> str:
    return " ".join(words).upper() + mark


@workflow
def refuse(secret: str) -> None:
    raise ValueError("refused")


@workflow
def nap(seconds: float) -> str:
    stepwell.sleep(seconds)
    return "rested"


@step
def pid() -> int:
    time.sleep(0.05)
    return os.getpid()


@step
def sleep_through_everything(seconds: float) -> None:
    time.sleep(seconds)


@workflow
def doze(seconds: float) -> None:
    sleep_through_everything(seconds)


@workflow
def whoami() -> int:
    return pid()
