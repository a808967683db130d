"""The error table: every class of protocol.md, code by code."""

import psycopg
import pytest

from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.errors import fault_of_connect, kind_of, mask_password
from stepwell.store.postgres.params import statement

TABLE = {
    FaultKind.CONNECTION: [
        *("08000", "08003", "08006", "08P01", "57P01", "57P02", "57P03", "57P04", "57P05", "53000", "53100"),
        *("53200", "53300", "53400", "58000", "58030", "25006", "25P03"),
    ],
    FaultKind.CONTENTION: ["40001", "40P01", "55P03", "57014"],
    FaultKind.POOLER: ["26000", "42P05"],
    FaultKind.ENVIRONMENT: ["28000", "28P01", "42501", "42P01", "42703", "3D000", "3F000", "42883"],
    FaultKind.PAYLOAD: ["54000", "54023", "22021", "22P05", "22003", "22P02"],
    FaultKind.UNKNOWN: ["XX000", "XX001", "XX002", "0A000", "P0001", "23514", "23505", "42601", "21000"],
}


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in TABLE.items() for code in codes])
def test_every_code_has_its_kind(kind: FaultKind, code: str) -> None:
    assert kind_of(code) is kind


def test_a_protocol_violation_after_a_prepare_is_the_poolers() -> None:
    assert kind_of("08P01", prepared=True) is FaultKind.POOLER
    assert kind_of("08006", prepared=True) is FaultKind.CONNECTION


@pytest.mark.parametrize("code", ["57P01", "53300", "40001", "26000", "28P01", "54000", "XX000"])
async def test_what_the_server_says_arrives_as_that_kind(store: PostgresStore, code: str) -> None:
    raising = f"do $$ begin raise exception using errcode = '{code}', message = 'as told'; end $$"
    with pytest.raises(StoreFault, match="as told") as caught:
        await store._lanes.misc.run(statement(raising.encode()))
    assert (caught.value.kind, caught.value.code) == (kind_of(code), code)
    assert await store.now(), "the connection is still of use, or another is made"


async def test_a_statement_timeout_of_the_role_is_contention(store: PostgresStore) -> None:
    with pytest.raises(StoreFault) as caught:
        await store._lanes.misc.transact(
            statement(b"set local statement_timeout = 20"), statement(b"select pg_sleep(60)")
        )
    assert (caught.value.kind, caught.value.code) == (FaultKind.CONTENTION, "57014")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://ann:s3cret@db/app", "postgresql://ann:***@db/app"),
        ("postgresql://ann:s3:cr%40et@db:5432/app", "postgresql://ann:***@db:5432/app"),
        ("postgresql://ann@db/app", "postgresql://ann@db/app"),
        ("host=db password=s3cret user=ann", "host=db password=*** user=ann"),
        ("host=db password='s3 cr\\'et' user=ann", "host=db password=*** user=ann"),
        ("postgresql://db/app?user=ann&password=s3cret&sslmode=require", "postgresql://db/app?user=ann&password=***&sslmode=require"),
    ],
)  # fmt: skip
def test_passwords_are_masked(text: str, masked: str) -> None:
    assert mask_password(text) == masked


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('FATAL:  password authentication failed for user "ann"', FaultKind.ENVIRONMENT),
        ('FATAL:  database "shop" does not exist', FaultKind.ENVIRONMENT),
        ('FATAL:  role "ann" does not exist', FaultKind.ENVIRONMENT),
        ("FATAL:  no pg_hba.conf entry for host", FaultKind.ENVIRONMENT),
        ("FATAL:  the database system is starting up", FaultKind.CONNECTION),
        ("FATAL:  sorry, too many clients already", FaultKind.CONNECTION),
        ("connection refused", FaultKind.CONNECTION),
    ],
)
def test_failures_to_connect_are_told_apart_by_their_words(words: str, kind: FaultKind) -> None:
    fault = fault_of_connect(psycopg.OperationalError(words))
    assert (fault.kind, fault.ambiguous) == (kind, False)
