"""EXPLAIN for the statements that a store sends: bound and unprepared, exactly as it sends them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.link import Link
from stepwell.store.postgres.params import Statement
from stepwell.store.postgres.wire import rows

#: Small tables are scanned as they should be; a page is 8 kB.
LARGE = ("workflow_status", "operation_outputs", "messages", "events", "streams", "publications")


@dataclass(slots=True)
class Plan:
    """The plan of one executed statement."""

    sql: str
    root: dict[str, Any]

    def nodes(self) -> Iterator[dict[str, Any]]:
        todo = [self.root]
        while todo:
            node = todo.pop()
            yield node
            todo += node.get("Plans", [])

    @property
    def buffers(self) -> int:
        return int(self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"])

    @property
    def large_scans(self) -> list[str]:
        """Sequential scans of the tables that grow, as "table: pages read"."""
        return [
            f"{node['Relation Name']}: {node['Shared Hit Blocks'] + node['Shared Read Blocks']}"
            for node in self.nodes()
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
        ]

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes() if "Index Name" in node}


async def explain(store: PostgresStore, link: Link, *statements: Statement) -> list[Plan]:
    """Execute the statements in one transaction that is rolled back, and return their plans."""
    await link.run(Statement(b"BEGIN ISOLATION LEVEL READ COMMITTED", (), ()))
    try:
        results = await link.run(
            *(Statement(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + s.sql, s.values, s.formats) for s in statements)
        )
    finally:
        await link.run(Statement(b"ROLLBACK", (), ()))
    plans: Sequence[Any] = [rows(result)[0][0] for result in results]
    return [Plan(s.sql.decode(), plan[0]["Plan"]) for s, plan in zip(statements, plans, strict=True)]
