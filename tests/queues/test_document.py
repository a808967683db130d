"""The SQL of docs/queues.md is real. Its programs are run by the tests of all documents."""

import re
from pathlib import Path

import psycopg
import pytest

from stepwell import Client, Queue, Rate

DOCUMENT = Path(__file__).parents[2] / "docs" / "queues.md"
BLOCKS = re.findall(r"^```sql run\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_every_block_runs(database_url: str) -> None:
    with Client(database_url, declare=[Queue("emails", worker_concurrency=2)]) as client:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for block in BLOCKS:
                answer = connection.execute(block.encode())
            while answer.nextset():
                pass
            assert [row[:4] for row in answer.fetchall()] == [("emails", "shop:send_mail", True, 1)]
        info = client.queues.get("emails")
        assert info.queue == Queue("emails", concurrency=5, worker_concurrency=2, rate=Rate(100, per=60))
        assert (info.waiting, info.delayed) == (0, 1)
        assert client.handle("mail-1").status().priority == -5
