"""A workflow of `__main__` has the name under which a worker that imports the file finds it."""

import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from stepwell.core.origin import importable_module

PREAMBLE = """
from stepwell.core.define import define_workflow
from stepwell.core.instances import Instances

def checkout(): ...

class Shop:
    def pay(self): ...

def show():
    pay, instances = define_workflow(Shop.pay), Instances()
    instances.register("eu", Shop())
    print(define_workflow(checkout).name, pay.name, instances.names_for(pay))
"""
SOURCE = f"{PREAMBLE}\nif __name__ == '__main__':\n    show()\n"
SPAWNING = f"""{PREAMBLE}
if __name__ == '__main__':
    import multiprocessing
    child = multiprocessing.get_context("spawn").Process(target=show)
    child.start()
    child.join()
"""


def names(*arguments: str, cwd: Path) -> str:
    path = os.pathsep.join([str(cwd), *map(os.path.abspath, sys.path)])
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=cwd, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def called(module: str) -> str:
    return f"{module}:checkout {module}:Shop.pay ['eu']"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").touch()
    for file in (tmp_path / "shop.py", package / "shop.py", package / "__main__.py"):
        file.write_text(SOURCE)
    (tmp_path / "spawning.py").write_text(SPAWNING)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["shop.py"], "shop"),
        (["pkg/shop.py"], "shop"),
        (["-m", "shop"], "shop"),
        (["-m", "pkg.shop"], "pkg.shop"),
        (["-m", "pkg"], "pkg.__main__"),
        (["-c", "import pkg.shop; pkg.shop.show()"], "pkg.shop"),
        (["-c", "import pkg.__main__ as m; m.show()"], "pkg.__main__"),
        (["-c", SOURCE], "__main__"),
        (["-m", "cProfile", "-o", os.devnull, "shop.py"], "shop"),
        (["spawning.py"], "spawning"),
        (["-m", "spawning"], "spawning"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_main_is_called_what_others_import(folder: Path, arguments: list[str], module: str) -> None:
    assert names(*arguments, cwd=folder) == called(module)


def test_a_spec_that_says_main_says_nothing() -> None:
    """Profilers and debuggers make one up for the script that they run."""
    namespace = {"__spec__": ModuleSpec("__main__", None), "__file__": "/srv/shop.py"}
    assert importable_module("__main__", namespace) == "shop"
