"""The goods of the demo and their pictures."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone
from PIL import Image

from shop.customers.models import Customer
from shop.demo.catalogues import apparel
from shop.demo.fixtures import add_variant_data
from shop.demo.goods import DATA, PICTURES, fill_shop
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.models import Order
from shop.variants.customer_a import models as customer_a
from shop.variants.grocer import models as grocer
from tenants import TenantInfo, use_tenant
from tenants.variants import resolve


def test_demo_pictures_are_webp_files_of_one_size_under_400_kb() -> None:
    files = list(PICTURES.iterdir())
    assert sum(file.stat().st_size for file in files) < 400_000
    for file in files:
        with Image.open(file) as picture:
            assert (picture.format, picture.size) == ("WEBP", (800, 1000))


def test_demo_catalogues_name_every_picture_once() -> None:
    named = [look.picture for look in apparel.LOOKS.values()]
    for name in ("home.csv", "grocery.csv"):
        with (DATA / name).open(encoding="utf-8", newline="") as file:
            named += [row["Picture"] for row in csv.DictReader(file) if row["Picture"]]
    assert sorted(named) == sorted(file.stem for file in PICTURES.iterdir())


@pytest.mark.parametrize(("origin", "installed"), [("http://localhost:8000", True), ("https://shops.example", False)])
def test_demo_is_installed_where_the_origin_is_localhost_only(origin: str, installed: bool) -> None:
    code = "from config.settings import INSTALLED_APPS; print('shop.demo' in INSTALLED_APPS)"
    environment = {**os.environ, "SANGGA_ORIGIN": origin, "DJANGO_SETTINGS_MODULE": "config.settings"}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == str(installed)


@pytest.mark.parametrize("slug", ["acme", "globex", "initech"])
def test_a_demo_shop_is_filled_once(request: pytest.FixtureRequest, slug: str) -> None:
    tenant: TenantInfo = request.getfixturevalue(slug)
    with use_tenant(tenant):
        fill_shop(slug)
        before = _contents()
        fill_shop(slug)
        assert _contents() == before
        assert Goods.objects.count() >= 20
        assert not Category.objects.filter(goods=None).exists()
        assert not Goods.objects.filter(pictures=None).exists()
        assert all(default_storage.exists(picture.file.name) for picture in Picture.objects.all())
        assert Sku.objects.filter(stock=0).exists()
        assert Sku.objects.filter(compare_at_price__isnull=False).exists()
        assert Customer.objects.count() >= 2
        assert Order.objects.filter(status=Order.Status.SHIPPED).exists()


def _contents() -> list[object]:
    return [list(model.objects.order_by("pk").values()) for model in (Category, Goods, Sku, Picture, Customer, Order)]


@pytest.mark.parametrize(("slug", "variant"), [("globex", "customer_a"), ("initech", "grocer")])
def test_a_demo_shop_of_a_variant_has_what_is_the_variants(
    shop_of: Callable[..., TenantInfo], slug: str, variant: str
) -> None:
    currency = "KRW" if slug == "initech" else "USD"
    with use_tenant(shop_of(variant, currency=currency)):
        fill_shop(slug)
        connection.check_constraints()  # as at the end of a transaction: goods have all that the variant gives them
        add_variant_data()
        assert Goods.objects.count() == resolve("goods.models.Goods").objects.count() >= 20
        assert not Goods.objects.with_prices().filter(lowest_price=None).exists()
        if variant == "customer_a":
            assert not customer_a.Goods.objects.filter(category_code="").exists()
            assert customer_a.Goods.objects.exclude(tax_rate=Decimal("0.1")).exists()
            changed = customer_a.Goods.objects.first()
            customer_a.Goods.objects.filter(pk=changed.pk).update(category_code="OWN", tax_rate=0)
        else:
            assert not grocer.Sku.objects.filter(best_before=None).exists()
            strawberries = grocer.Sku.objects.priced().get(goods__slug="설향-딸기")
            assert (strawberries.price, strawberries.selling_price) == (27800, 13900)
            grocer.Sku.objects.update(best_before="2020-01-01")
        add_variant_data()
        if variant == "customer_a":
            changed.refresh_from_db()
            assert (changed.category_code, changed.tax_rate) == ("OWN", 0), "an operator's values stay"
        else:
            assert not grocer.Sku.objects.filter(best_before__lt=timezone.localdate()).exists(), "nothing gets old"
