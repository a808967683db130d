"""A small Django project: its ORM in the engine's own database, and in others."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from stepwell.testing import PostgresServer
from tests.tidy.files import ROOT


def run(url: str, alias: str, databases: dict[str, Any]) -> dict[str, Any]:
    environment = {
        **{name: value for name, value in os.environ.items() if "DATABASE_URL" not in name},
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "DJANGO_DATABASES": json.dumps(databases),
    }
    command = [sys.executable, "-m", "tests.transactions.django_project.program", url, alias]
    ran = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stderr[-6000:]
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def database(url: str) -> dict[str, Any]:
    """A URL as Django's settings say it."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or dict(parse_qsl(parts.query)).get("host", ""),
        "PORT": str(parts.port or ""),
    }


def test_the_engines_own_database(postgres_url: str) -> None:
    found = run(postgres_url, "default", {"default": database(postgres_url)})
    assert found == {"outcomes": False}, "its checkpoints are written by Django's own connection"


@pytest.mark.parametrize("kind", ["postgres", "file"])
def test_another_database(kind: str, postgres_url: str, postgres_server: PostgresServer, tmp_path: Path) -> None:
    other = "stepwell_django_other"
    if kind == "postgres":
        there = database(postgres_server.create_database(other))
    else:
        there = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "there.db")}
    try:
        databases = {"default": database(postgres_url), "other": there}
        assert run(postgres_url, "other", databases) == {"outcomes": True}
    finally:
        postgres_server.drop_database(other)


def test_a_file_of_the_engines_own(tmp_path: Path) -> None:
    file = tmp_path / "home.db"
    there = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": {"timeout": 20}}
    assert run(f"sqlite:///{file}?synchronous=OFF", "default", {"default": there}) == {"outcomes": False}
