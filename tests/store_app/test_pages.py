"""The store as a browser without scripts sees it: on both databases, with keys that make repetition harmless."""

import os
import re
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from stepwell import Client
from tests.store_app.conftest import OpenShop
from tests.store_app.kit import Customer, Shop, check_books, eventually


def test_an_order_is_bought_paid_and_delivered_once(database: str, open_shop: OpenShop) -> None:
    shop = open_shop(database)
    customer = new_customer(shop)
    pages = {customer.buy(2).headers["location"] for _ in range(3)}
    assert pages == {f"/orders/{customer.order}/pay"}
    customer.wait_for("waiting")
    assert "2 widgets are reserved for you" in httpx.get(shop.url + pages.pop()).text
    assert {customer.answer("pay").status_code for _ in range(3)} == {303}
    customer.wait_for("delivered")
    # The same payment again, when the workflow has ended, is no error either.
    customer.wait_for_the_end()
    assert customer.answer("pay").status_code == 303
    shown = httpx.get(f"{shop.url}/orders/{customer.order}").text
    assert re.findall(r'<li class="done"><span>([^<]+)', shown) == [
        *("Picked", "Packed", "Labelled", "With the courier", "At your door")
    ]
    assert shown.count("<td>reserve</td>") == 1
    assert check_books(shop) == {"delivered": 1}


def test_refused_or_late_puts_the_goods_back(database: str, open_shop: OpenShop) -> None:
    shop = open_shop(database, payment_seconds=3)
    refused, late = new_customer(shop), new_customer(shop)
    for customer in (refused, late):
        customer.buy(3)
        customer.wait_for("waiting")
    assert shop.sql("select stock from products") == [(94,)]
    refused.answer("refuse")
    refused.answer("pay")  # the same key: the first decision counts
    for customer in (refused, late):
        customer.wait_for("cancelled")
        customer.wait_for_the_end()
    for _ in range(2):
        too_late = late.answer("pay")
        assert too_late.status_code == 409
        assert "You were not charged" in too_late.text
    assert check_books(shop) == {"payment refused": 1, "not paid in time": 1}


def test_what_is_not_there_is_not_sold(sqlite: str, open_shop: OpenShop) -> None:
    shop = open_shop(sqlite, payment_seconds=12)
    customers = [new_customer(shop) for _ in range(21)]
    for customer in customers:
        customer.buy(5)
    states = "select status, count(*) from orders group by status order by status"
    eventually(lambda: shop.sql(states) == [("cancelled", 1), ("waiting", 20)], "one order comes too late")
    assert shop.sql("select stock from products") == [(0,)]
    assert "Sold out" in httpx.get(shop.url).text
    key = uuid4().hex
    for _ in range(2):
        assert customers[0].post("/restock", key=key).status_code == 303
    assert shop.sql("select stock, received from products") == [(50, 150)]
    for customer in customers:
        customer.wait_for_the_end()
    assert check_books(shop) == {"sold out": 1, "not paid in time": 20}


def test_a_workflow_that_is_cancelled_pays_back(sqlite: str, open_shop: OpenShop) -> None:
    shop = open_shop(sqlite, stage_seconds=0.5)
    waiting, paid = new_customer(shop), new_customer(shop)
    for customer in (waiting, paid):
        customer.buy(2)
        customer.wait_for("waiting")
    paid.answer("pay")
    paid.wait_for("paid")
    with Client(sqlite) as client:
        for customer in (waiting, paid):
            client.cancel(customer.order)
    for customer in (waiting, paid):
        customer.wait_for_the_end()
        assert customer.status == "cancelled"
    assert shop.sql("select stock, received from products") == [(100, 100)]
    assert shop.sql("select sum(cents), count(*) from payments") == [(0, 2)]


@pytest.mark.parametrize(
    ("path", "form", "code"),
    [
        ("/orders", {"key": "short"}, 400),
        ("/orders", {"key": "has/slash/in-it"}, 400),
        ("/orders", {"key": "long-enough", "quantity": "6"}, 400),
        ("/orders", {"key": "long-enough", "quantity": "-1"}, 400),
        ("/orders/order-nobody-has/payment", {"key": "long-enough", "answer": "pay"}, 404),
        ("/orders/order-nobody-has/payment", {"key": "long-enough", "answer": "steal"}, 400),
        ("/restock", {}, 400),
    ],
)
def test_wrong_forms_are_refused_in_words(one_shop: Shop, path: str, form: dict[str, str], code: int) -> None:
    answer = httpx.post(one_shop.url + path, data=form)
    assert answer.status_code == code
    assert "<h1>That did not work</h1>" in answer.text


def test_a_key_is_for_one_order(one_shop: Shop) -> None:
    customer = new_customer(one_shop)
    assert customer.buy(1).status_code == 303
    assert customer.buy(2).status_code == 409


def test_other_sites_cannot_order(one_shop: Shop) -> None:
    for path in ("/orders", "/crash", "/restock"):
        answer = httpx.post(one_shop.url + path, data={"key": "long-enough"}, headers={"origin": "https://example.org"})
        assert answer.status_code == 403


def test_pages_that_are_not_there(one_shop: Shop) -> None:
    for path in ("/orders/order-nobody-has", "/orders/order-nobody-has/pay", "/nowhere"):
        answer = httpx.get(one_shop.url + path)
        assert (answer.status_code, "<h1>That did not work</h1>" in answer.text) == (404, True)


def test_a_server_that_ends_is_started_again(sqlite: str, open_shop: OpenShop) -> None:
    shop = open_shop(sqlite, servers=2)
    first, second = eventually(lambda: len(shop.servers) == 2 and shop.servers, "two servers")
    eventually(lambda: httpx.get(shop.url).status_code == 200, "it answers")
    shop.kill(first)
    eventually(lambda: len(shop.servers) == 2, "another server")
    assert second in shop.servers
    begun = time.monotonic()
    assert httpx.get(shop.url, timeout=30).status_code == 200
    assert time.monotonic() - begun < 10


def test_servers_end_with_their_supervisor(sqlite: str, tmp_path: Path) -> None:
    shop = Shop(sqlite, tmp_path / "shop.log", servers=2)
    pids = shop.servers
    assert len(pids) == 2
    shop.kill_supervisor()
    eventually(lambda: not any(lives(pid) for pid in pids), "the servers have ended")


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # In a container nobody may collect them.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def new_customer(shop: Shop) -> Customer:
    return Customer(shop, uuid4().hex)
