"""The engine's fixtures: databases of each kind, engines that are closed with their test."""

from tests.engine.conftest import database_url, engine, engine_database, lab

__all__ = ["database_url", "engine", "engine_database", "lab"]
