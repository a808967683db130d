"""The project's own description agrees with itself."""

import re
import subprocess
import tomllib
from pathlib import Path

from tests.tidy.files import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MOST_VERBS = 10


def test_groups_and_extras_of_one_name_say_the_same() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert PROJECT["dependency-groups"] == {name: extras[name] for name in ("dev", "bench")}


def test_makefile_has_few_verbs_and_explains_each() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verbs = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()
    explained = re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE)
    assert sorted(verbs) == sorted(explained)
    assert len(verbs) - len({"help"}) <= MOST_VERBS


def test_make_help_names_the_verbs() -> None:
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(f"make {verb} " in done.stdout for verb in ("demo", "test", "check", "bench"))


def test_changelog_has_the_version() -> None:
    assert f"## {PROJECT['project']['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_decision_is_listed() -> None:
    directory = ROOT / "docs" / "decisions"
    listed = set(re.findall(r"\]\(([\w.-]+\.md)\)", (directory / "README.md").read_text()))
    assert listed == {path.name for path in Path(directory).glob("*.md")} - {"README.md"}
