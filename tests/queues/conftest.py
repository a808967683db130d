"""Engines on each kind of database."""

from tests.engine.conftest import database_url, engine, engine_database, lab

__all__ = ["database_url", "engine", "engine_database", "lab"]
