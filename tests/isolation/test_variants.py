"""A thousand concurrent requests of three variants, on threads and an event loop: each has its fields and prices."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from itertools import cycle, islice, product
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import override_settings

from shop.goods.models import Goods, Sku
from shop.variants.customer_a import models as customer_a
from shop.variants.grocer import models as grocer
from tenants import TenantInfo, active_tenant, use_tenant
from tenants.contrib.limits.asgi import ASGIHandler
from tests.isolation.test_asgi import request_to
from tests.isolation.test_threads import begin
from tests.settings import TENANTS

REQUESTS = 1000
THREADS = 4
AT_ONCE = 12
"""On the event loop; each takes a connection."""
PATHS = ["/", "/goods/lamp/", "/api/v1/goods", "/api/v2/goods", "/api/v1/openapi.json", "/api/v2/openapi.json"]

OWN = {"default": set(), "customer_a": {"category_code", "tax_rate"}, "grocer": {"sold_by_weight", "best_before"}}
ALL = {"category_code", "tax_rate", "sold_by_weight", "best_before"}
PRICES = {"default": "10.00", "customer_a": "11.00", "grocer": "3.50"}
NOTES = {"default": "no note", "customer_a": "incl. 10% tax", "grocer": "per kg"}

# Django reads a synchronous stream to its end before it sends the first of it, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")


@pytest.fixture
def shops(open_shop: Callable[..., TenantInfo]) -> list[TenantInfo]:
    """A shop of each variant, with a lamp for 10.00."""
    opened = [open_shop(variant=variant, currency="USD") for variant in OWN]
    lamp: dict[str, Any] = {"name": "Lamp", "slug": "lamp"}
    sku: dict[str, Any] = {"price": Decimal("10.00"), "stock": 5, "weight_grams": 350}
    with use_tenant(opened[0]):
        Sku.objects.create(goods=Goods.objects.create(**lamp), **sku)
    with use_tenant(opened[1]):
        Sku.objects.create(goods=customer_a.Goods.objects.create(**lamp, category_code="L-7"), **sku)
    with use_tenant(opened[2]):
        by_weight = grocer.Goods.objects.create(**lamp, sold_by_weight=True)
        grocer.Sku.objects.create(goods=by_weight, **sku, best_before="2031-02-03")
    return opened


@pytest.fixture
def unlimited() -> Iterator[None]:
    """Let a shop be asked as often at once as the test pleases."""
    with override_settings(TENANTS={**TENANTS, "PLANS": {}, "PLATFORM_LIMITS": {}, "ADDRESS_CONCURRENCY": 0}):
        yield


def check(shop: TenantInfo, path: str, status: int, body: str) -> None:
    """Compare an answer with what the shop's variant says there, and with what only others say."""
    assert status == 200, body
    if path.endswith("openapi.json"):
        assert {name for name in ALL if f'"{name}"' in body} == OWN[shop.variant]
    elif path.startswith("/api/"):
        (item,) = json.loads(body)["items"]
        fields = {*item, *item["skus"][0]}
        assert fields & ALL == OWN[shop.variant]
        price = item["skus"][0]["price"]
        assert (price if path.startswith("/api/v1") else price["amount"]) == PRICES[shop.variant]
    else:
        assert f"${PRICES[shop.variant]}" in body
        where = NOTES if path != "/" else {**NOTES, "grocer": "sold by weight"}
        assert {variant for variant, note in where.items() if note in body} == {shop.variant} - {"default"}


def ask(application: WSGIHandler, shop: TenantInfo, path: str) -> tuple[int, str]:
    status, body = begin(application, shop, path)
    with closing(body):
        return status, b"".join(body).decode()


@pytest.mark.timeout(900)
def test_requests_of_three_variants_get_their_fields_and_prices(shops: list[TenantInfo], unlimited: None) -> None:
    wsgi, asgi = WSGIHandler(), ASGIHandler()
    for path in PATHS:
        check(shops[0], path, *ask(wsgi, shops[0], path))  # what is imported when a page is first shown, is now
    requests = list(islice(cycle(product(shops, PATHS)), REQUESTS))
    random.Random(5).shuffle(requests)
    on_threads, on_loop = requests[::2], requests[1::2]
    modules = {name: id(module) for name, module in sys.modules.items()}

    def on_thread(request: tuple[TenantInfo, str]) -> None:
        check(*request, *ask(wsgi, *request))
        assert active_tenant() is None

    async def one(shop: TenantInfo, path: str) -> None:
        answer = await request_to(shop, path).go(asgi)
        check(shop, path, answer.status, answer.body.decode())
        assert active_tenant() is None

    async def on_event_loop() -> None:
        for start in range(0, len(on_loop), AT_ONCE):
            await asyncio.gather(*(one(*request) for request in on_loop[start : start + AT_ONCE]))
        await sync_to_async(connections.close_all)()

    with ThreadPoolExecutor(THREADS) as pool:
        loop = pool.submit(asyncio.run, on_event_loop())
        assert len(list(pool.map(on_thread, on_threads))) == REQUESTS // 2
        loop.result()
        list(pool.map(lambda _: connections.close_all(), range(THREADS)))
    assert {name: id(module) for name, module in sys.modules.items()} == modules


def test_the_answers_can_be_told_apart(shops: list[TenantInfo]) -> None:
    """A control: what one variant answers is wrong for each other, so that the test above could fail."""
    wsgi = WSGIHandler()
    for (asked, expected), path in product(product(shops, shops), PATHS):
        answer = ask(wsgi, asked, path)
        if asked is expected:
            check(expected, path, *answer)
        else:
            with pytest.raises(AssertionError):
                check(expected, path, *answer)
