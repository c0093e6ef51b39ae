"""Messages of a warm request to PostgreSQL, counted on the wire: as many as with plain Django, and none about the
control plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper as PlainDatabaseWrapper
from django.test import Client

from shop.goods.models import Category, Goods, Sku
from tenants import TenantInfo, use_tenant
from tenants.registry.listener import listener
from tests.wire import Wire, wiretap


@pytest.fixture
def wire(committed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """Route this thread's connection through the tap, without a pool: all messages are this test's."""
    connection.ensure_connection()
    params = connection.get_connection_params()
    connection.close()
    options, kept = connection.settings_dict["OPTIONS"], dict(connection.settings_dict)
    connection.settings_dict = {**kept, "OPTIONS": {**options, "pool": False}, "PORT": "5432"}
    folder = tmp_path_factory.mktemp("wire")
    with wiretap(f"{params['host']}/.s.PGSQL.{params['port']}", folder) as tap:
        connection.settings_dict["HOST"] = str(folder)
        yield tap
        connection.close()
    connection.settings_dict = kept


@pytest.fixture
def shop(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    tenant = open_shop()
    with use_tenant(tenant):
        category = Category.objects.create(name="Mugs", slug="mugs")
        for number in range(5):
            goods = Goods.objects.create(name=f"Mug {number}", slug=f"mug-{number}", category=category)
            Sku.objects.create(goods=goods, price=10_000, stock=3)
    return tenant


class _PlainDjango:
    """Swaps this thread's connection for Django's own backend, whose session has the schema as its path."""

    def __init__(self, tenant: TenantInfo) -> None:
        self.tenant = tenant

    def __enter__(self) -> None:
        self.ours = connections["default"]
        self.ours.close()
        settings: dict[str, Any] = dict(self.ours.settings_dict)
        settings["OPTIONS"] = {"options": f"-c search_path={self.tenant.schema}"}
        connections["default"] = PlainDatabaseWrapper(settings, "default")

    def __exit__(self, *_: object) -> None:
        connections["default"].close()
        connections["default"] = self.ours


def _warm_messages(client: Client, path: str, wire: Wire) -> list[str]:
    listener.start()
    assert listener.listening.wait(timeout=600)
    assert client.get(path).status_code == 200  # connects, fills caches
    sent: list[str] = []
    for _ in range(5):  # on a busy machine the notification of the new shop comes late, and it is looked up again
        wire.taken()
        assert client.get(path).status_code == 200
        sent = wire.taken()
        if not any("tenants_" in message for message in sent):
            break
    return sent


@pytest.mark.parametrize("path", ["/api/v1/goods", "/", "/goods/mug-1/"])
def test_a_warm_request_sends_what_plain_django_sends(shop: TenantInfo, wire: Wire, path: str) -> None:
    client = Client(HTTP_HOST=shop.host)
    ours = _warm_messages(client, path, wire)
    with _PlainDjango(shop):
        plain = _warm_messages(client, path, wire)
    assert len(plain) >= 2
    assert len(ours) == len(plain)
    assert [message.partition(";\n")[2] or message for message in ours] == plain
    assert not any("tenants_" in message or "public" in message for message in ours)


def test_the_tap_sees_a_statement_that_is_one_too_many(shop: TenantInfo, wire: Wire) -> None:
    with use_tenant(shop), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        wire.taken()
        cursor.execute("SELECT 2")
        with _PlainDjango(shop), connection.cursor() as plain:
            wire.taken()
            plain.execute("SET search_path = public")
            plain.execute("SELECT 2")
            assert wire.taken() == ["SET search_path = public", "SELECT 2"]


def test_a_tenant_is_opened_in_few_messages(wire: Wire, open_shop: Callable[..., TenantInfo]) -> None:
    open_shop()  # records the script
    wire.taken()
    open_shop()
    sent = wire.taken()
    # Eight of them are for a migration of the tests' own that is Python, and so cannot join the script.
    assert len(sent) <= 29, "\n".join(message[:200] for message in sent)
