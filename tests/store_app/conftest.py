"""The widget store in its own processes, and a real browser in front of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.store_app.chromium import NOT_FOUND, find_chromium
from tests.store_app.kit import Shop

#: A busy machine is not a failing test.
expect.set_options(timeout=20_000)

OpenShop = Callable[..., Shop]


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of a file that is not there yet."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of one kind."""
    name = {"sqlite": "sqlite", "postgres": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[OpenShop]:
    """`open_shop(database, servers=1, **settings)`; it closes with the test."""
    shops: list[Shop] = []
    with ExitStack() as stack:

        def open_it(database: str, *, servers: int = 1, **settings: object) -> Shop:
            shop = Shop(database, tmp_path / "shop.log", servers=servers, **{"stage_seconds": 0.2, **settings})
            stack.callback(shop.close)
            shops.append(shop)
            return shop

        yield open_it
        # Shown with a test that fails.
        for shop in shops:
            print(shop.story())


@pytest.fixture(scope="module")
def one_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for tests that leave nothing in it that matters to others."""
    directory = tmp_path_factory.mktemp("shop")
    shop = Shop(f"sqlite:///{directory / 'store.db'}", directory / "shop.log", stage_seconds=0.2)
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    # Not for the session: as long as it is there, an event loop runs on this thread, and nobody else's could.
    program = find_chromium()
    if program is None:
        pytest.skip(NOT_FOUND)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[BrowserContext]:
    """A new window; scripts may run."""
    context = browser.new_context(viewport={"width": 1180, "height": 800})
    yield context
    context.close()


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A page in it. An error of our script fails the test."""
    page = window.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert not errors, errors
