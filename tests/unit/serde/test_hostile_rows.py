"""A row chooses among imported data classes; it cannot make a reader run or import anything."""

import base64
import json
import pickle
import sys
import types
from typing import Any

import pytest

from stepwell.errors import UnreadablePayload, WorkflowFailed
from stepwell.serde.exceptions import decode_exception
from stepwell.serde.serializer import Serializer
from tests.unit.serde import shapes
from tests.unit.serde.processes import run_python

ANY = Serializer().value(Any)
TRUSTING = Serializer(pickle=True)


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:eval",
        "builtins:object",
        "builtins:type",
        "builtins:list",
        "subprocess:Popen",
        "threading:Thread",
        "pathlib:Path",
        "tests.unit.serde.shapes:Opaque",
        "tests.unit.serde.shapes:Text",
        "tests.unit.serde.shapes:NOT_THERE",
        "tests.unit.serde.shapes:Point.__init__",
        "tests.unit.serde.shapes:Point.__class__",
        "tests.unit.serde.shapes:",
        ":Point",
        ":",
        "sys:modules.os",
    ],
)
def test_names_that_are_no_data_classes(name: str) -> None:
    for data in ({"x": 1}, ["true"], "true", None):
        with pytest.raises(UnreadablePayload):
            ANY.decode(json.dumps({"$t": name, "v": data}))
    error = decode_exception(json.dumps({"type": name, "message": "m", "args": ["true"]}))
    assert type(error) is WorkflowFailed
    assert error.type_name == name


def test_nothing_is_imported_by_what_a_row_says() -> None:
    # A module of the standard library that nobody has imported here, with a dataclass-like and an exception.
    code = """
import sys
from typing import Any
from stepwell.errors import UnreadablePayload, WorkflowFailed
from stepwell.serde.exceptions import decode_exception
from stepwell.serde.serializer import Serializer
before = set(sys.modules)
try:
    Serializer().value(Any).decode('{"$t":"xml.sax._exceptions:SAXException","v":{}}')
except UnreadablePayload as error:
    assert "import it" in str(error)
else:
    raise AssertionError
assert type(decode_exception('{"type":"xml.sax._exceptions:SAXException","args":["x"]}')) is WorkflowFailed
assert set(sys.modules) == before, set(sys.modules) - before
"""
    run_python(code)


def test_a_lazy_module_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = types.ModuleType("lazy_for_this_test")
    asked: list[str] = []

    def lazily(name: str) -> Any:
        asked.append(name)
        return shapes.Point

    lazy.__getattr__ = lazily  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy_for_this_test", lazy)
    with pytest.raises(UnreadablePayload):
        ANY.decode('{"$t":"lazy_for_this_test:Point","v":{"x":1}}')
    assert asked == []


def test_a_row_cannot_replace_methods_of_an_instance() -> None:
    data = {"n": 1, "doubled": 2, "__post_init__": "x", "__class__": "y", "z": 3}
    value = ANY.decode(json.dumps({"$t": "tests.unit.serde.shapes:Counted", "v": data}))
    assert vars(value) == {"n": 1, "doubled": 2, "z": 3}


class Boom:
    def __reduce__(self) -> Any:
        return (exec, ("import builtins; builtins.stepwell_was_here = True",))


def pickle_tag(value: object) -> str:
    return json.dumps({"$t": "pickle", "v": base64.b64encode(pickle.dumps(value)).decode()})


def test_a_pickle_is_not_read_unless_the_engine_says_so() -> None:
    import builtins

    for text in (pickle_tag(Boom()), f"[{pickle_tag(Boom())}]", f'{{"$t":"any","v":{pickle_tag(Boom())}}}'):
        for tp in (Any, int, shapes.Order):
            with pytest.raises(UnreadablePayload, match="pickle"):
                Serializer().value(tp).decode(text)
    assert not hasattr(builtins, "stepwell_was_here")


def test_exceptions_are_never_unpickled_even_by_an_engine_that_reads_pickles() -> None:
    import builtins

    tag = json.loads(pickle_tag(Boom()))
    for record in (
        {"type": "builtins:ValueError", "message": "m", "args": [tag]},
        {"type": "builtins:ValueError", "message": "m", "args": [], "data": {"x": tag}},
        {"type": "builtins:ValueError", "message": "m", "args": tag},
        tag,
    ):
        error = TRUSTING.read_failure(json.dumps(record))
        assert type(error) is WorkflowFailed
    assert not hasattr(builtins, "stepwell_was_here")
    assert "pickle" not in TRUSTING.failure(ValueError(Boom()))[0]


@pytest.mark.parametrize(
    "name",
    [
        "builtins:SystemExit",
        "builtins:KeyboardInterrupt",
        "builtins:GeneratorExit",
        "builtins:BaseException",
        "builtins:BaseExceptionGroup",
        "asyncio.exceptions:CancelledError",
        "stepwell.errors:Cancelled",
        "stepwell.errors:Parked",
        "stepwell.errors:ReplayMismatch",
    ],
)
def test_control_flow_does_not_come_out_of_a_row(name: str) -> None:
    error = decode_exception(json.dumps({"type": name, "message": "m", "args": ["m"], "members": []}))
    assert type(error) is WorkflowFailed
    assert error.message == "m"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "null",
        "[]",
        '"x"',
        "{}",
        '{"type":5}',
        '{"type":"builtins:ValueError"}',
        '{"type":"builtins:ValueError","args":5}',
        '{"type":"builtins:ValueError","args":[{"$t":"nonsense"}]}',
        '{"type":"builtins:ExceptionGroup","args":["m"],"members":[]}',
        '{"type":"builtins:ExceptionGroup","args":["m"],"members":[5]}',
        '{"type":"builtins:UnicodeDecodeError","args":[1],"message":{}}',
        '{"type":"builtins:ValueError","args":["x"],"data":[]}',
        '{"type":"builtins:ValueError","args":["x"],"data":{"__traceback__":5,"__class__":6,"__dict__":7}}',
        '{"cause":' * 5000 + "{}" + "}" * 5000,
    ],
    ids=lambda text: text[:50],
)
def test_a_garbled_failure_is_still_an_exception(text: str) -> None:
    error = decode_exception(text)
    assert isinstance(error, Exception)
    with pytest.raises(type(error)):
        raise error
