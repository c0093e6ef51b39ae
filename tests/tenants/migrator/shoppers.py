"""Sessions of shoppers that block a migration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import connection, transaction

from tenants import TenantInfo, use_tenant


@contextmanager
def shopping_slowly(shop: TenantInfo) -> Iterator[None]:
    """Keep a transaction open that uses one of a shop's tables."""
    holding, release = Event(), Event()

    def hold() -> None:
        with use_tenant(shop), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM ledger_entry")
            holding.set()
            release.wait(120)
        connection.close()

    shopper = Thread(target=hold)
    shopper.start()
    try:
        assert holding.wait(180)
        yield
    finally:
        release.set()
        shopper.join()
