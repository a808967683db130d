"""Starts with a dedup key in the caller's own transaction."""

from tests.transactions.kit import Home
from tests.transactions.test_conn import parcel, with_psycopg


def test_a_start_that_attaches_by_its_id_replaces_nothing(postgres_home: Home) -> None:
    postgres_home.launch()
    queued = parcel.options(queue="unheard", dedup="k", delay=600)
    live = with_psycopg(postgres_home.url, lambda c: parcel.options(conn=c, id="o-1", delay=600).start("x"), True)
    waiting = with_psycopg(postgres_home.url, lambda c: queued.options(conn=c, id="o-2").start("x"), True)
    again = with_psycopg(
        postgres_home.url, lambda c: queued.options(conn=c, id="o-1", on_conflict="replace").start("x"), True
    )
    assert again.run_id == live.run_id
    assert waiting.status().status == "ENQUEUED"
    third = with_psycopg(
        postgres_home.url, lambda c: queued.options(conn=c, id="o-3", on_conflict="replace").start("x"), True
    )
    assert third.run_id not in (live.run_id, waiting.run_id)
    assert waiting.status().status == "CANCELLED"
