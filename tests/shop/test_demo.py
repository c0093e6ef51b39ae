"""The goods of the demo and their pictures."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from shop.customers.models import Customer
from shop.demo.catalogues import apparel, grocery, home
from shop.demo.goods import stock_shop
from shop.demo.pictures import KINDS, draw_picture
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.models import Order
from tenants import TenantInfo, use_tenant


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_thing_can_be_drawn(kind: str) -> None:
    picture = Image.open(BytesIO(draw_picture(kind, "teal", 1)))
    assert (picture.format, picture.size) == ("WEBP", (800, 1000))


def test_a_picture_is_always_the_same() -> None:
    assert draw_picture("mug", "#c2694a", 7) == draw_picture("mug", "#c2694a", 7)


def test_every_picture_of_the_demo_is_of_a_kind_that_can_be_drawn() -> None:
    kinds = {entry.kind for entry in (*home.GOODS, *grocery.GOODS, *apparel.LOOKS.values())}
    assert kinds <= KINDS.keys()


@pytest.mark.parametrize("slug", ["acme", "globex", "initech"])
def test_a_demo_shop_is_filled_once(request: pytest.FixtureRequest, slug: str) -> None:
    tenant: TenantInfo = request.getfixturevalue(slug)
    with use_tenant(tenant):
        stock_shop(slug)
        before = _contents()
        stock_shop(slug)
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
