"""The guide's fixtures are those of the engine's tests."""

from tests.engine.conftest import database_url, engine_database

__all__ = ["database_url", "engine_database"]
