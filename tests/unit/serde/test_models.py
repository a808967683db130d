"""pydantic models and attrs classes, where the application uses them."""

import datetime
from typing import Any

import pytest

from stepwell.errors import NotSerializable, UnreadablePayload
from stepwell.serde.fingerprint import fingerprint
from stepwell.serde.same import same
from stepwell.serde.serializer import Serializer
from tests.unit.serde.processes import run_python

pytest.importorskip("pydantic")

import pydantic

SERIALIZER = Serializer()


class Address(pydantic.BaseModel):
    street: str
    country: str = "DE"


class Customer(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str = pydantic.Field(alias="fullName")
    since: datetime.date
    homes: list[Address] = []
    secret: pydantic.SecretStr | None = None
    anything: Any = None
    _visits: int = pydantic.PrivateAttr(default=0)


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, frozen=True)
    at: datetime.datetime
    ids: tuple[int, ...]


class Loud(pydantic.BaseModel):
    password: str

    @pydantic.field_validator("password")
    @classmethod
    def hashed(cls, value: str) -> str:
        return value + "!"


class Names(pydantic.RootModel[list[str]]):
    pass


class Dollar(pydantic.BaseModel):
    own: int = pydantic.Field(alias="$set")


NOW = datetime.datetime(2024, 5, 17, tzinfo=datetime.UTC)
CUSTOMER = Customer(fullName="Jo", since=datetime.date(2024, 1, 2), homes=[Address(street="a", country="FR")])
EVERYTHING = {"secret": None, "anything": None}


def round_trip(tp: Any, value: Any) -> str:
    coder = SERIALIZER.value(tp)
    text = coder.encode(value)[0]
    back = coder.decode(text)
    assert back == value
    assert same(back, value), (vars(back), back.model_fields_set, value.model_fields_set)
    return text


def test_by_annotation_as_pydantic_writes_it() -> None:
    assert round_trip(Address, Address(street="a", country="b")) == '{"street":"a","country":"b"}'
    assert round_trip(Address | None, Address(street="a", country="b")) == '{"street":"a","country":"b"}'
    assert round_trip(Strict, Strict(at=NOW, ids=(1, 2))) == '{"at":"2024-05-17T00:00:00Z","ids":[1,2]}'
    assert round_trip(Names, Names(["a"])) == '["a"]'
    assert round_trip(dict[str, list[Address]], {"x": [Address(street="a", country="b")]}).startswith('{"x":[{"str')


def test_which_fields_were_set_survives() -> None:
    value = Address(street="a")
    for tp in (Address, list[Address], Any):
        boxed = [value] if tp == list[Address] else value
        coder = SERIALIZER.value(tp)
        back = coder.decode(coder.encode(boxed)[0])
        back = back[0] if tp == list[Address] else back
        assert back.model_dump(exclude_unset=True) == {"street": "a"}
    assert round_trip(Address, value) == '{"street":"a","country":"DE","$set":["street"]}'
    # Nested in another model: pydantic writes that one, and tags carry the rest.
    round_trip(Customer, Customer(fullName="Jo", since=datetime.date.max, homes=[Address(street="a")], **EVERYTHING))


@pytest.mark.parametrize("tp", [Any, Customer, int])
def test_aliases_extras_and_fields_of_any_type(tp: Any) -> None:
    round_trip(tp, CUSTOMER)
    round_trip(tp, Customer(fullName="Jo", since=datetime.date.max, anything=NOW))
    round_trip(tp, Customer(fullName="Jo", since=datetime.date.max, anything=[(1, {2})]))
    round_trip(tp, Customer.model_validate({"fullName": "Jo", "since": "2024-01-02", "other": {1: 2}}))
    round_trip(tp, Dollar(**{"$set": 5}))
    round_trip(tp, Names(["x"]))


def test_an_instant_out_of_a_model_can_be_passed_on() -> None:
    """pydantic has time zones of its own; they come back as the standard library's."""
    parsed = Strict.model_validate_json('{"at":"2024-05-17T02:00:00+02:00","ids":[]}')
    for tp in (Any, datetime.datetime):
        back = SERIALIZER.value(tp).decode(SERIALIZER.value(tp).encode(parsed.at)[0])
        assert back == parsed.at
        assert back.isoformat() == parsed.at.isoformat() == "2024-05-17T02:00:00+02:00"


def test_secrets_and_private_state_are_not_lost_silently() -> None:
    with pytest.raises(NotSerializable):
        SERIALIZER.value(Customer).encode(
            Customer(fullName="Jo", since=datetime.date.max, secret=pydantic.SecretStr("hunter2"))
        )
    counted = Customer(fullName="Jo", since=datetime.date.max)
    counted._visits = 5
    with pytest.raises(NotSerializable):
        SERIALIZER.value(Customer).encode(counted)


def test_a_validator_that_changes_what_it_sees_is_refused() -> None:
    with pytest.raises(NotSerializable) as caught:
        SERIALIZER.value(Any).encode([Loud(password="x")])
    assert caught.value.path == "result[0]"


def test_rows_go_through_validation_and_errors_do_not_quote_them() -> None:
    name = f"{Address.__module__}:Address"
    for tp, text in [
        (Address, '{"street":["hunter2"]}'),
        (Any, f'{{"$t":"{name}","v":{{"street":["hunter2"]}}}}'),
        (Any, f'{{"$t":"{name}","v":{{"street":["hunter2"]}},"set":[]}}'),
        (Any, f'{{"$t":"{name}","v":{{"street":"hunter2"}},"set":5}}'),
    ]:
        with pytest.raises(UnreadablePayload) as caught:
            SERIALIZER.value(tp).decode(text)
        assert "hunter2" not in str(caught.value)


def test_fingerprints_of_models() -> None:
    assert fingerprint("f", (Address(street="a"),), {}) == fingerprint("f", (Address(street="a"),), {})
    assert fingerprint("f", (Address(street="a"),), {}) != fingerprint("f", (Address(street="b"),), {})


def test_pydantic_is_not_imported_by_stepwell() -> None:
    code = """
import sys
from typing import Any
from stepwell.serde.serializer import Serializer
from stepwell.serde.exceptions import encode_exception
Serializer().value(Any).encode([1, (2,)])
encode_exception(ValueError(1))
assert not [name for name in sys.modules if name.startswith(("pydantic", "attr"))]
"""
    run_python(code)


def test_attrs_classes() -> None:
    attrs = pytest.importorskip("attrs")
    made = attrs.make_class("Made", {"a": attrs.field(type=int), "b": attrs.field(factory=list, type=list[int])})
    made.__module__ = __name__
    globals()["Made"] = made
    value = made(a=(1, 2))
    coder = SERIALIZER.value(Any)
    assert coder.decode(coder.encode(value)[0]) == value
    assert coder.decode(f'{{"$t":"{__name__}:Made","v":{{"a":1}}}}') == made(a=1)
    assert SERIALIZER.value(made).decode('{"a":1}') == made(a=1)
