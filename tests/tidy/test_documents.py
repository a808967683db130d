"""The code in README.md and docs/ is real: it compiles, what says `run` runs, and links lead somewhere.

```python          compiles
```python run      is run, in a process of its own, in an empty directory with a SQLite database
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tidy.files import ROOT, below, shown

FENCE = re.compile(r"^```python(?P<info>[^\n]*)\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)(?P<target>[^)#\s]+)")
DOCUMENTS = below(ROOT, "*.md")


@dataclass(frozen=True)
class Block:
    path: Path
    line: int
    info: str
    code: str

    def __str__(self) -> str:
        return f"{shown(self.path)}:{self.line}"


def blocks() -> list[Block]:
    found = []
    for path in DOCUMENTS:
        text = path.read_text()
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 2
            found.append(Block(path, line, match["info"].strip(), match["code"]))
    return found


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_code_compiles(block: Block) -> None:
    # Blank lines first, so that an error names the document's own line.
    compile("\n" * (block.line - 1) + block.code, shown(block.path), "exec", dont_inherit=True)


@pytest.mark.parametrize("block", [block for block in blocks() if "run" in block.info.split()], ids=str)
def test_code_runs(block: Block, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(block.code)
    environment = {
        **{name: value for name, value in os.environ.items() if "DATABASE_URL" not in name},
        "PYTHONPATH": str(ROOT / "src"),
    }
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    dead = [target for target in LINK.findall(text) if not (path.parent / target).exists()]
    assert not dead, f"{shown(path)} links to what is not there: {dead}"
