"""Hand-made binary arrays arrive as what they were."""

from uuid import UUID

import pytest

from stepwell.store.postgres import PostgresStore, params
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows

IDS = [UUID(int=n) for n in (0, 1, 2**128 - 1)]
ARRAYS = {
    "uuid": (params.uuids(IDS), IDS),
    "no uuid": (params.uuids([]), []),
    "some uuids": ((params.optional_uuids([None, IDS[1]])), [None, IDS[1]]),
    "text": (params.texts(["", "a", "ü", "x" * 70_000]), ["", "a", "ü", "x" * 70_000]),
    "some texts": (params.optional_texts([None, "NULL", ""]), [None, "NULL", ""]),
    "smallint": (params.int2s([1, 32767, -1]), [1, 32767, -1]),
    "integer": (params.int4s([0, 2**31 - 1, -(2**31)]), [0, 2**31 - 1, -(2**31)]),
    "some integers": (params.optional_int4s([None, 0]), [None, 0]),
    "bigint": (params.int8s([0, 2**63 - 1, -(2**63)]), [0, 2**63 - 1, -(2**63)]),
    "real": (params.float4s([0.0, 0.25, -1.5]), [0.0, 0.25, -1.5]),
    "some double precisions": (params.optional_float8s([None, 1e300, 0.1]), [None, 1e300, 0.1]),
    "boolean": (params.bools([True, False]), [True, False]),
}


@pytest.mark.parametrize("name", ARRAYS)
async def test_an_array_arrives(store: PostgresStore, name: str) -> None:
    bound, expected = ARRAYS[name]
    element = name.removeprefix("some ").removeprefix("no ").removesuffix("s")
    (result,) = await store._lanes.misc.run(statement(f"select $1::{element}[]".encode(), bound))
    assert rows(result) == [(expected,)]


@pytest.mark.parametrize(
    "empty",
    [
        params.optional_texts([None, None]),
        params.optional_uuids([None]),
        params.optional_int4s([None]),
        params.optional_float8s([None]),
    ],
)
def test_nothing_but_nulls_is_sent_as_an_empty_array(empty: bytes) -> None:
    assert len(empty) == 12


async def test_unnest_pads_an_empty_array_with_nulls(store: PostgresStore) -> None:
    sql = b"select * from unnest($1::integer[], $2::text[]) as u (a, b)"
    (result,) = await store._lanes.misc.run(statement(sql, params.int4s([1, 2]), params.optional_texts([None, None])))
    assert rows(result) == [(1, None), (2, None)]


@pytest.mark.parametrize("value", ["", "a\u00fc", None, True, 7, -(2**62), 0.1, IDS[2]], ids=repr)
async def test_a_scalar_arrives(store: PostgresStore, value: object) -> None:
    kinds = {str: "text", bool: "boolean", int: "bigint", float: "double precision", UUID: "uuid"}
    sql = f"select $1::{kinds.get(type(value), 'text')}"
    (result,) = await store._lanes.misc.run(statement(sql.encode(), value))
    assert rows(result) == [(value,)]


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no parameter form for list"):
        statement(b"select $1", [1])
