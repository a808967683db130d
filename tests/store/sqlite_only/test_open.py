"""From a URL to a store."""

from pathlib import Path

import pytest

from stepwell.errors import ConfigurationError
from stepwell.store.api import StoreIdentity
from stepwell.store.open import masked, open_store
from stepwell.store.postgres import PostgresStore
from stepwell.store.sqlite import SQLiteStore

ME = StoreIdentity(namespace="tenant")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///stepwell.db", "stepwell.db"),
        ("sqlite:///data/my%20file.db", "data/my file.db"),
        ("sqlite:////var/lib/stepwell.db", "/var/lib/stepwell.db"),
        ("SQLITE:///stepwell.db?synchronous=normal", "stepwell.db"),
    ],
)
def test_sqlite_urls(url: str, path: str) -> None:
    store = open_store(url, ME)
    assert isinstance(store, SQLiteStore)
    assert (store.path, store.identity) == (Path(path), ME)


@pytest.mark.parametrize("url", ["postgresql://localhost/shop", "postgres://me:secret@localhost:5432/shop"])
def test_postgres_urls(url: str) -> None:
    assert isinstance(open_store(url, ME), PostgresStore)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "stepwell.db",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/stepwell.db",
        "sqlite:///x.db?synchronous=maybe",
        "sqlite:///x.db?mode=ro",
        "mysql://me:secret@localhost/shop",
        "postgresql+psycopg://me:secret@localhost/shop?password=secret",
        "me:secret@localhost/shop",
    ],
)
def test_what_is_no_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url, ME)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3@t:x@h/db", "postgresql://me:***@h/db"),
        ("postgresql://me@h/db?password=s3&x=1", "postgresql://me@h/db?password=***&x=1"),
        ("postgresql://h:5432/db", "postgresql://h:5432/db"),
        ("host=h password=s3 user=me", "host=h password=*** user=me"),
    ],
)
def test_masked(url: str, shown: str) -> None:
    assert masked(url) == shown
