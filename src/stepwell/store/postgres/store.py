"""`PostgresStore`: the seam `store.api.Store`, kept by Postgres 13 or later."""

from stepwell.store.api import HeartbeatPort, MigrationState, StoreIdentity
from stepwell.store.hints import Ear
from stepwell.store.postgres import migrate as migrating
from stepwell.store.postgres.commit import Journal
from stepwell.store.postgres.conninfo import conninfo_of
from stepwell.store.postgres.executors import Executors
from stepwell.store.postgres.heartbeat import PostgresHeartbeat
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.listening import Listening
from stepwell.store.postgres.looking import Looking
from stepwell.store.postgres.notifier import Notifier
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.telling import Telling
from stepwell.store.postgres.tokens import Tokens
from stepwell.store.postgres.users import Users
from stepwell.store.postgres.watching import Watching
from stepwell.store.postgres.wire import rows


class PostgresStore(Telling, Executors, Looking, Tokens, Users, Watching):
    """One schema of one database, for one event loop. Connects when something is asked of it.

    `call_deadline` (seconds) bounds every call but `migrate`. `notify`: other processes are told what was done here;
    listening needs no switch, since it has to be asked for. Raises `StoreFault` for all trouble with the
    database, ConfigurationError for a URL that makes no sense.
    """

    def __init__(self, url: str, identity: StoreIdentity, *, call_deadline: float = 10.0, notify: bool = False) -> None:
        self._lanes = Lanes(conninfo_of(url), identity, call_deadline=call_deadline)
        self._journal = Journal(self._lanes)
        self._heartbeats: list[PostgresHeartbeat] = []
        self._notifier = Notifier(self._lanes, enabled=notify)
        self._listening = Listening(self._lanes, self._notifier)

    async def open(self) -> None:
        """Connect, so that a wrong URL is noticed now; the schema need not be there yet."""
        self._notifier.open()
        await self._lanes.learn_isolation()

    async def close(self) -> None:
        await self._notifier.close()
        for link in (*self._lanes.links, self._listening.link):
            await link.close()

    def abandon(self) -> None:
        """Cut every connection now, whatever goes on over it: what the death of the process would do."""
        for link in (*self._lanes.links, self._listening.link):
            link.cut()
        for port in self._heartbeats:
            port.close()

    async def migrate(self) -> list[str]:
        return await migrating.migrate(self._lanes.conninfo, self._lanes.identity.schema)

    async def migrations(self) -> list[MigrationState]:
        return await migrating.migrations(self._lanes.conninfo, self._lanes.identity.schema)

    async def tidy(self) -> str | None:
        """Nothing: the server keeps its own house."""
        return None

    async def now(self) -> float:
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("health/now")))
        return float(rows(result)[0][0])

    def heartbeat_port(self) -> HeartbeatPort:
        port = PostgresHeartbeat(self._lanes)
        self._heartbeats.append(port)
        return port

    def connection_count(self) -> int:
        """How many connections are open now."""
        links = (*self._lanes.links, self._listening.link)
        return sum(link.connected for link in links) + sum(port.connected for port in self._heartbeats)

    async def listen(self, ear: Ear) -> None:
        """See `Store.listen`."""
        await self._listening.run(ear)

    async def warnings(self) -> list[str]:
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("health/settings")))
        return dangers(dict(rows(result)))


def dangers(settings: dict[str, str]) -> list[str]:
    """In words, which of the server's settings endanger what Stepwell promises."""
    found: list[str] = []
    if settings.get("fsync") == "off":
        found.append("fsync is off: a crash of the server can lose or corrupt committed workflows.")
    if settings.get("synchronous_commit") == "off":
        found.append("synchronous_commit is off: a crash of the server can lose the last committed steps.")
    if settings.get("full_page_writes") == "off":
        found.append("full_page_writes is off: a crash of the server can corrupt the database.")
    if settings.get("default_transaction_read_only") == "on":
        found.append("default_transaction_read_only is on: nothing can be recorded through this connection.")
    if settings.get("default_transaction_isolation") not in (None, "read committed"):
        found.append(
            "default_transaction_isolation is not 'read committed': correct, but every commit is slower,"
            " because it has to open its transaction explicitly."
        )
    return found
