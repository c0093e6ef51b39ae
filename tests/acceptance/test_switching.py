"""Changes of a shop's variant under load of several processes: no request fails, and all processes follow."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections

from shop.goods.models import Goods, Sku
from tenants import TenantInfo, use_tenant
from tenants.lifecycle import set_variant
from tenants.migrator.verify import verify
from tenants.registry.lookup import registry, tenant_by_slug
from tests.waiting import eventually

PROCESSES = 2
PRICES = {"default": "10.00", "customer_a": "11.00", "grocer": "3.50"}
SWITCHES = ["customer_a", "grocer", "customer_a", "default", "grocer", "default"]


@pytest.fixture
def ports(committed: None) -> Iterator[list[int]]:
    """Serve the test's database from several processes, and give their ports."""
    command = [sys.executable, "-m", "tests.acceptance.serve", connection.settings_dict["NAME"]]
    servers = [
        subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    try:
        yield [int(server.stdout.readline()) for server in servers if server.stdout]
    finally:
        for server in servers:
            server.terminate()
            server.communicate()


@pytest.fixture
def shop(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    opened = open_shop(currency="USD")
    with use_tenant(opened):
        goods = Goods.objects.create(name="Lamp", slug="lamp")
        Sku.objects.create(goods=goods, price=Decimal("10.00"), stock=5, weight_grams=350)
    return opened


def ask(port: int, host: str, path: str) -> Any:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=60) as answer:  # any other answer than a good one is an error
        return json.load(answer)


def variant_seen(port: int, shop: TenantInfo) -> str:
    """Return the variant that an answer is of; it is of one alone."""
    (item,) = ask(port, shop.host, "/api/v1/goods")["items"]
    fields = {*item, *item["skus"][0]}
    found = "customer_a" if "tax_rate" in fields else "grocer" if "best_before" in fields else "default"
    assert ("sold_by_weight" in fields) == (found == "grocer")
    assert item["price"] == {**PRICES, "grocer": "10.00"}[found]  # "sold by weight" is off by default
    return found


@pytest.mark.timeout(900)
def test_a_shop_is_switched_under_load_and_every_process_follows(shop: TenantInfo, ports: list[int]) -> None:
    done = Event()

    def shopper(number: int) -> int:
        asked = 0
        while not done.is_set():
            variant_seen(ports[number % PROCESSES], shop)
            asked += 1
        return asked

    def staff() -> int:
        """Make goods as the base code makes them, all the while; who extends them, gets them too."""
        made = 0
        while not done.wait(0.02):
            with use_tenant(tenant_by_slug(shop.slug)):
                Goods.objects.create(name=f"Hidden {made}", slug=f"hidden-{made}", is_published=False)
                made += 1
        connections.close_all()
        return made

    with ThreadPoolExecutor(5) as pool:
        shoppers = [pool.submit(shopper, number) for number in range(4)]
        clerk = pool.submit(staff)
        try:
            for variant in SWITCHES:
                set_variant(shop.slug, variant, lock_timeout=60)
                for port in ports:
                    assert eventually(lambda port=port, wanted=variant: variant_seen(port, shop) == wanted, seconds=50)
        finally:
            done.set()
        assert all(future.result() > len(SWITCHES) for future in shoppers), "no request was refused"
        made = clerk.result()
    registry.clear()
    now = tenant_by_slug(shop.slug)
    assert [found.what for found in verify([now])] == []
    for variant, table in (("customer_a", "customer_a_goods"), ("grocer", "grocer_goods")):
        change = set_variant(shop.slug, variant)
        assert change.reactivated[table] + change.created[table] == made + 1
