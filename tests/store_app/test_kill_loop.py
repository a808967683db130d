"""SIGKILL again and again while customers order, pay twice, refuse, and come too late: the books agree to the cent."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.store_app.conftest import OpenShop
from tests.store_app.kit import Customer, Shop, check_books, eventually

SERVERS = 2
CUSTOMERS_AT_ONCE = 20
#: Long enough that who pays at once is in time, whatever happens to the servers.
PAYMENT_SECONDS = 15
#: What the customers do, in turn.
PLANS = ("pay", "refuse", "pay", "late", "pay", "pay", "pay", "refuse", "pay", "pay")
OUTCOMES = {"pay": "delivered", "refuse": "payment refused", "late": "not paid in time"}
#: Between two kills, seconds. Sometimes a process lives long enough (about seven) to take over, sometimes not.
PAUSES = (1.0, 6.0)


@pytest.mark.parametrize("orders", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_orders_stock_and_money_agree_after_many_kills(postgres_url: str, open_shop: OpenShop, orders: int) -> None:
    shop = open_shop(postgres_url, servers=SERVERS, payment_seconds=PAYMENT_SECONDS, stage_seconds=0.3)
    customers = [Customer(shop, f"customer-{number:04}") for number in range(orders)]
    for delivery in range(orders // 20):
        customers[0].post("/restock", key=f"delivery-{delivery}")
    over = threading.Event()
    killer = threading.Thread(target=kill_again_and_again, args=[shop, over])
    killer.start()
    try:
        with ThreadPoolExecutor(CUSTOMERS_AT_ONCE) as crowd:
            answers = list(crowd.map(act, customers, [PLANS[number % len(PLANS)] for number in range(orders)]))
    finally:
        over.set()
        killer.join()
    assert all(answers)
    ended = (
        "select count(*) from workflows where name like '%:checkout' and status in ('SUCCESS', 'ERROR', 'CANCELLED')"
    )
    eventually(lambda: shop.sql(ended) == [(orders,)], "all orders have an outcome")
    planned = Counter(OUTCOMES[PLANS[number % len(PLANS)]] for number in range(orders))
    assert check_books(shop) == planned
    # It was as wild as it should be.
    assert shop.crashes >= 2 + orders // 50
    assert shop.taken_over >= orders // 10


def act(customer: Customer, plan: str) -> bool:
    """One customer, who does everything twice. True: what was answered is as it should be."""
    quantity = 1 + sum(customer.key.encode()) % 3
    placed = [customer.buy(quantity).status_code for _ in range(2)]
    if plan == "late":
        customer.wait_for("cancelled")
        customer.wait_for_the_end()
        paid = [customer.answer("pay").status_code for _ in range(2)]
        return placed == [303, 303] and paid == [409, 409]
    paid = [customer.answer(plan).status_code for _ in range(2)]
    # A refused order may have ended before the second answer comes.
    return placed == [303, 303] and paid in ([303, 303], [303, 409] if plan == "refuse" else [])


def kill_again_and_again(shop: Shop, over: threading.Event) -> None:
    """One of the servers, at any moment."""
    chance = random.Random(4)
    while not over.wait(chance.uniform(*PAUSES)):
        servers = shop.servers
        if servers:
            shop.kill(chance.choice(servers))
