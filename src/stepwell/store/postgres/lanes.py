"""What every part of the store shares: the connections by kind of work, and the loaded statements."""

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path

from stepwell.store.api import StoreIdentity
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres.link import Link
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows
from stepwell.store.sqlfile import load

PACKAGE = Path(__file__).parent


class Lanes:
    """At most three connections here, one of the heartbeat, one that hears hints: a lane's work waits only for its own
    kind.

    `journal` carries the group commits; `starts` inserts that may wait for somebody else's transaction with
    the same id; `misc` claims, sweeps, reads, operators' verbs and hints to others.
    """

    def __init__(self, conninfo: str, identity: StoreIdentity, *, call_deadline: float) -> None:
        self.conninfo = conninfo
        self.identity = identity
        self.call_deadline = call_deadline
        self.journal = Link(conninfo, "journal", call_deadline=call_deadline)
        self.starts = Link(conninfo, "starts", call_deadline=call_deadline)
        self.misc = Link(conninfo, "misc", call_deadline=call_deadline)
        self._sql = {name: text.encode() for name, text in load(PACKAGE, identity.schema).items()}

    def sql(self, name: str) -> bytes:
        """The statement of sql/<name>.sql."""
        return self._sql[name]

    async def learn_isolation(self) -> None:
        """Where the default is not READ COMMITTED, transactions are opened explicitly from here on."""
        (result,) = await self.misc.run(statement(self.sql("health/isolation")))
        for link in self.links:
            link.explicit_begin = rows(result)[0][0] != "read committed"

    @property
    def links(self) -> tuple[Link, ...]:
        return self.journal, self.starts, self.misc


@contextlib.contextmanager
def refusing_bad_values() -> Iterator[None]:
    """A value that cannot even be encoded (a lone surrogate, a number out of range) is a PAYLOAD fault."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise StoreFault(FaultKind.PAYLOAD, f"text that is not valid Unicode: {error.reason}", code="22021") from None
    except struct.error as error:
        raise StoreFault(FaultKind.PAYLOAD, f"number out of range: {error}", code="22003") from None
