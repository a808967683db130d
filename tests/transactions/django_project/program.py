"""A small Django project with workflows: run as a process of its own, since Django is set up once in a process.

Usage: program.py <url of the engine> <alias of the source>; DJANGO_DATABASES is the setting DATABASES, as JSON.
"""

import json
import os
import sys
from typing import Any

import django
from django.conf import settings

settings.configure(
    DATABASES=json.loads(os.environ["DJANGO_DATABASES"]),
    INSTALLED_APPS=["tests.transactions.django_project"],
    USE_TZ=True,
)
django.setup()

from django.db import IntegrityError, connections, transaction as django_transaction  # noqa: E402, I001
from django.db.models import F  # noqa: E402

import stepwell  # noqa: E402
from stepwell import Django, Stepwell, TransactionMisuse, transaction, workflow  # noqa: E402
from tests.transactions.django_project.models import Reservation, Stock  # noqa: E402

URL, ALIAS = sys.argv[1:]
SOURCE = Django(ALIAS)
hooks: list[str] = []
bodies: list[str] = []


def done() -> None:
    hooks.append("committed")
    raise ValueError("a hook that fails changes nothing")


@transaction(source=SOURCE)
def reserve(order: str, sku: str) -> int:
    """Takes one; the check constraint refuses more than there are."""
    bodies.append(order)
    Reservation.objects.using(ALIAS).create(order=order, sku=sku)
    Stock.objects.using(ALIAS).filter(sku=sku).update(left=F("left") - 1)
    django_transaction.on_commit(done, using=ALIAS)
    if order == "exits" and len(bodies) < 3:
        raise SystemExit
    if order == "commits":
        connections[ALIAS].cursor().execute("COMMIT")
    if order == "broken":
        try:
            with django_transaction.atomic(using=ALIAS):
                raise KeyError
        except KeyError:
            django_transaction.set_rollback(True, using=ALIAS)
    return int(Stock.objects.using(ALIAS).get(sku=sku).left)


@workflow
def order(name: str) -> int:
    return reserve(name, "anvil")


@workflow
async def order_async(name: str) -> int:
    return await reserve.aio(name, "anvil")


@workflow
def notify(sku: str) -> str:
    return f"{sku} is there, {stepwell.recv()}"


def left() -> tuple[int, int]:
    return Stock.objects.using(ALIAS).get(sku="anvil").left, Reservation.objects.using(ALIAS).count()


def failure(call: Any, *args: Any) -> str:
    try:
        call(*args)
    except Exception as error:
        return type(error).__name__
    return "none"


def main() -> None:
    connection = connections[ALIAS]
    with connection.schema_editor() as editor:
        editor.create_model(Stock)
        editor.create_model(Reservation)
    Stock.objects.using(ALIAS).create(sku="anvil", left=3)
    with Stepwell(URL, settings=stepwell.Settings(poll_interval=0.05, sweep_interval=0.1)) as engine:
        assert (order("first"), order_async.sync("second")) == (2, 1)
        assert left() == (1, 2)
        assert hooks == ["committed"] * 2
        bodies.clear()
        assert order.options(id="exits").start("exits").result(timeout=30) == 0
        assert left() == (0, 3)
        assert failure(order, "too many") == IntegrityError.__name__
        assert failure(order, "commits") != "none"
        assert failure(order_async.sync, "broken") != "none"
        assert left()[1] == 3, left()
        steps = engine.handle("exits").steps()
        assert [(step.kind, step.ended) for step in steps] == [("transaction", "ok")]
        assert TransactionMisuse is not None
        if URL.startswith("postgresql") and ALIAS == "default":
            with django_transaction.atomic(using=ALIAS):
                handle = notify.options(conn=connection, id="n").start("anvil")
                engine.send("n", "ready", conn=connection)
                assert engine.count(name=notify.definition.name) == 0
            assert handle.result(timeout=30) == "anvil is there, ready"
    tables = connection.introspection.table_names()
    print(json.dumps({"outcomes": "stepwell_transactions" in tables}))


main()
