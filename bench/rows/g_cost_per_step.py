"""g. What a step costs the server at 100 concurrent workflows: statements and bytes of write-ahead log.

Statements are all that the system sent, BEGIN and COMMIT included. The log is the whole server's over the
window; nothing else runs on it.
"""

import psycopg

from bench import flood
from bench.lab import Lab
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

CONCURRENCY = 100
WAL_POSITION = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
STATEMENTS = (
    "select coalesce(sum(calls), 0)::bigint from pg_stat_statements"
    " where dbid = (select oid from pg_database where datname = current_database())"
)


def measure(child: Child) -> None:
    readings: list[tuple[int, int, int]] = []
    statements = child.params["statements"]

    def read(steps: int) -> None:
        # A statement about the counters counts itself once: negligible, and the same for both.
        with psycopg.connect(child.url, autocommit=True) as connection:
            position = connection.execute(WAL_POSITION).fetchone()
            calls = connection.execute(STATEMENTS).fetchone() if statements else (0,)
        assert position is not None
        assert calls is not None
        readings.append((steps, int(position[0]), int(calls[0])))

    flooded = flood.measure_async(child, read)
    (steps, position, calls), (steps_after, position_after, calls_after) = readings
    done = steps_after - steps
    values = {"wal": (position_after - position) / done}
    if statements:
        values["statements"] = (calls_after - calls) / done
    child.answer(values, flooded.failures, flooded.trouble)


def sample(lab: Lab, system: str) -> Sample:
    taken = Sample()
    url = lab.fresh_database(system)
    lab.server.count_statements(url)
    taken.take(
        lab.child(
            system,
            f"{__name__}:measure",
            url=url,
            concurrency=CONCURRENCY,
            window=lab.sizes.flood_window,
            statements=lab.server.counts_statements,
        )
    )
    lab.server.drop_database(url)
    return taken


ROW = Row(
    "g",
    "cost of a step at 100 concurrent workflows",
    (
        Metric("statements", "statements", "", limit=0.05),
        Metric("wal", "write-ahead log", "B", limit=450),
    ),
    sample,
)
