"""Everything of messages, events, streams and tokens once more: through a transaction-mode pooler, and where nobody is
told of anything (`notify=False`)."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepwell import Stepwell
from stepwell.testing import PostgresServer
from tests.engine.conftest import empty
from tests.engine.kit import Lab
from tests.faults.kit.pgbouncer import PgBouncer
from tests.messaging.test_events import *  # noqa: F403
from tests.messaging.test_recovery import *  # noqa: F403
from tests.messaging.test_recv import *  # noqa: F403
from tests.messaging.test_refusals import *  # noqa: F403
from tests.messaging.test_streams import *  # noqa: F403
from tests.messaging.test_tokens import *  # noqa: F403

# Not all of these: what nobody tells is found by looking, which its own engines do seldom.
from tests.messaging.test_waiting import (  # noqa: F401
    test_a_thousand_waiting_runs_are_one_query,
    test_async_runs_park_when_there_are_many,
    test_cancelled_while_it_receives,
    test_cleanup_gets_what_the_interrupted_receive_did_not,
    test_message_against_timeout,
)

#: Fewer server connections than an engine opens.
POOL_SIZE = 3


class Silent(Lab):
    """Its engines neither tell nor listen."""

    def engine(
        self, name: str = "default", make: type[Stepwell] = Stepwell, namespace: str = "default", **settings: Any
    ) -> Stepwell:
        return super().engine(name, make, namespace, **{"notify": False, **settings})


@pytest.fixture(scope="session")
def pooler(postgres_server: PostgresServer, engine_database: str) -> Iterator[PgBouncer]:
    """PgBouncer before this worker's database."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian, Ubuntu: apt-get install pgbouncer)")
    with Stepwell(engine_database):  # the schema
        pass
    with PgBouncer(program, engine_database, pool_size=POOL_SIZE) as pooler:
        yield pooler


@pytest.fixture(params=["pgbouncer", "silent-postgres", "silent-sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, engine_database: str) -> Iterator[str]:
    """An empty database, and the way to it."""
    if request.param == "silent-sqlite":
        yield f"sqlite:///{tmp_path}/stepwell.db?synchronous=OFF"
        return
    yield request.getfixturevalue("pooler").url if request.param == "pgbouncer" else engine_database
    empty(engine_database)


@pytest.fixture
def lab(request: pytest.FixtureRequest, database_url: str) -> Iterator[Lab]:
    """Makes engines."""
    lab = Lab(database_url) if "pgbouncer" in request.node.callspec.id else Silent(database_url)
    yield lab
    lab.close()
