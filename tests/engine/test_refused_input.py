"""Bad input is refused with InvalidArgument, before any effect."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from stepwell import ConfigurationError, InvalidArgument, NotSerializable, PayloadTooLarge, Settings, Stepwell, workflow
from tests.engine.kit import Lab


@workflow
def anything(value: Any = None) -> Any:
    return value


DURATIONS: list[Any] = [-1, -0.001, float("nan"), float("inf"), "1", True, timedelta(days=-1), 10**12]


@pytest.mark.parametrize("option", ["timeout", "delay"])
@pytest.mark.parametrize("bad", DURATIONS, ids=str)
def test_durations(option: str, bad: Any) -> None:
    with pytest.raises(InvalidArgument, match=option):
        anything.options(**{option: bad})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["at", "deadline"])
@pytest.mark.parametrize("bad", [datetime(2030, 1, 1), 1_900_000_000, "2030-01-01"], ids=str)
def test_instants(option: str, bad: Any) -> None:
    with pytest.raises(InvalidArgument, match=option):
        anything.options(**{option: bad})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"priority": 1.5},
        {"priority": 2**31},
        {"priority": True},
        {"queue": ""},
        {"queue": "nul\0"},
        {"on_conflict": "overwrite"},
        {"parent_close": "kill"},
        {"attributes": ["no mapping"]},
        {"timeout": 0},
        {"color": "red"},
        {"delay": 1, "at": datetime.fromisoformat("2030-01-01T00:00:00+00:00")},
    ],
    ids=str,
)
def test_options(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        anything.options(**options)  # type: ignore[misc]


@pytest.mark.parametrize("bad", ["nul\0", "\udc80", ""], ids=["nul", "surrogate", "empty"])
def test_ids_that_nobody_can_have(engine: Stepwell, bad: str) -> None:
    for ask in (engine.handle, anything.handle, engine.explain, engine.cancel, engine.resume, engine.delete):
        with pytest.raises(InvalidArgument, match="id"):
            ask(bad)  # type: ignore[operator]
    for number in (3, None, b"bytes"):
        with pytest.raises(InvalidArgument, match="id"):
            engine.handle(number)  # type: ignore[arg-type]


def test_arguments_that_cannot_be_recorded(engine: Stepwell) -> None:
    for call in (anything, anything.start, anything.options(id="x").start):
        with pytest.raises(NotSerializable) as caught:
            call([1, {"lock": object()}])  # type: ignore[operator]
        assert "lock" in caught.value.path
    assert engine.count() == 0


def test_arguments_over_the_cap(lab: Lab) -> None:
    with lab.engine(payload_cap=1000) as engine:
        for call in (anything, anything.start, anything.options(id="x").start):
            with pytest.raises(PayloadTooLarge, match=r"1000|1,000"):
                call("x" * 1001)  # type: ignore[operator]
        assert engine.count() == 0
        assert anything("x" * 900) == "x" * 900


@pytest.mark.parametrize("timeout", [-1, float("nan"), "1"])
def test_timeouts_of_waits(engine: Stepwell, timeout: Any) -> None:
    handle = anything.start(1)
    with pytest.raises(InvalidArgument, match="timeout"):
        handle.result(timeout=timeout)
    assert handle.result() == 1


@pytest.mark.parametrize(
    "settings",
    [{"lease": 1}, {"lease": float("nan")}, {"max_threads": 0}, {"max_async": 1.5}, {"retention": -1}, {"drain": "x"}],
    ids=str,
)
def test_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        Settings(**settings)


@pytest.mark.parametrize("argument", ["name", "schema", "namespace"])
def test_names_of_engines(argument: str) -> None:
    for bad in ("", "nul\0", "\udc80", "x" * 256):
        with pytest.raises(InvalidArgument, match=argument):
            Stepwell("sqlite:///x.db", **{argument: bad})  # type: ignore[arg-type]


def test_urls() -> None:
    for bad in ("mysql://host/db", "nonsense", "sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ConfigurationError):
            Stepwell(bad).launch()
    with pytest.raises(ConfigurationError) as caught:
        Stepwell("mysql://ada:secret@host/db").launch()
    assert "secret" not in str(caught.value)
