"""A shop with rows of every kind, and all kinds of visitors, each with a separate browser."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from shop.customers.models import Customer
from shop.goods.models import Category, Goods, Sku
from shop.orders.models import Order
from shop.orders.services import place_order
from shop.steps import CLERK, MANAGER
from tenants import PLATFORM, TenantInfo, current_tenant, use_tenant
from tenants.isolation.app_placement import Placement, placement_of

HERS = "shopper.of.hers@example.com"
"""The e-mail address of the customer in whose session the shopper is."""
ANOTHERS = "somebody.else@example.com"
"""The address of another customer, which no shopper may see."""
STAFF = "clerk-of-the-shop"
HIDDEN = "Not for sale yet"
"""The name of goods that are not published."""


def create_rows() -> dict[Any, Any]:
    """Create rows in the active tenant, and return values for the parameters of URLs (`Route.path`)."""
    shelf = Category.objects.create(name="Mugs", slug="mugs")
    goods = Goods.objects.create(name="Mug", slug="mug", category=shelf)
    Goods.objects.create(name=HIDDEN, slug="hidden", category=shelf, is_published=False)
    sku = Sku.objects.create(goods=goods, price=Decimal(10), stock=99)
    orders = [_order(sku, address) for address in (HERS, ANOTHERS)]
    staff = _staff(STAFF, CLERK)
    return first_of_each_model() | {
        Category: shelf.pk, Goods: goods.pk, Sku: sku.pk, Order: orders[1].pk, Customer: orders[1].customer_id,
        User: staff.pk, Group: Group.objects.get(name=CLERK).pk,
        "goods_id": goods.pk, "sku_id": sku.pk, "category_id": shelf.pk, "customer_id": orders[1].customer_id,
        "user_id": staff.pk, "number": orders[1].number, ("orders", "number"): orders[0].number,
        ("c", "slug"): shelf.slug, "slug": goods.slug, "app_label": "goods",
        "name": default_storage.save("goods/mug.png", ContentFile(b"\x89PNG")),
        "rest": "nothing/", "url": "nothing/", "uidb64": "MQ", "token": "x-y",
    }  # fmt: skip


def first_of_each_model() -> dict[Any, Any]:
    """Return the first key of each model with rows in the active tenant or the platform."""
    here = (
        (Placement.SHARED, Placement.COMMON) if current_tenant().is_platform else (Placement.TENANT, Placement.COMMON)
    )
    models = [
        model for model in apps.get_models() if placement_of(model._meta.app_label) in here and model._meta.managed
    ]
    firsts = {model: model._default_manager.order_by("pk").values_list("pk", flat=True).first() for model in models}
    return {model: pk for model, pk in firsts.items() if pk is not None}


def _order(sku: Sku, email: str) -> Order:
    return place_order(Customer(name="Nora", email=email), {sku.pk: 1}, "12 Alder Street")


def _staff(name: str, group: str) -> User:
    user = User.objects.create_user(name, password="correct horse", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def browser(host: str, user: User | None = None, of: TenantInfo | None = None) -> Client:
    """Return a browser at `host`; with `user`, with the session that they have at the host `of`."""
    client = Client(HTTP_HOST=host, raise_request_exception=False)
    if user is not None and of is not None:
        at_home = Client(HTTP_HOST=of.host or "localhost")
        with use_tenant(of):
            at_home.force_login(user)
        client.cookies = at_home.cookies
    return client


def visitors_of_shop(shop: TenantInfo, neighbour: TenantInfo, values: Mapping[Any, Any]) -> dict[str, Client]:
    """Return the visitors of a shop, by their names in the documents."""
    with use_tenant(shop):
        owner = User.objects.get(is_superuser=True)
        clerk, manager = User.objects.get(username=STAFF), _staff("manager", MANAGER)
    with use_tenant(neighbour):
        other_owner = User.objects.get(is_superuser=True)
    with use_tenant(PLATFORM):
        operator = User.objects.create_superuser("op", password="correct horse")
    shopper = browser(shop.host)
    with use_tenant(shop):
        session = shopper.session
        session["orders"] = [values["orders", "number"]]
        session.save()
    return {
        "anonymous": browser(shop.host),
        "shopper": shopper,
        "clerk": browser(shop.host, clerk, shop),
        "manager": browser(shop.host, manager, shop),
        "owner": browser(shop.host, owner, shop),
        "owner of another shop": browser(shop.host, other_owner, neighbour),
        "operator": browser(shop.host, operator, PLATFORM),
    }


def visitors_of_platform(shop: TenantInfo) -> dict[str, Client]:
    """Return the visitors of the platform's host."""
    with use_tenant(shop):
        owner = User.objects.get(is_superuser=True)
    with use_tenant(PLATFORM):
        operator = User.objects.create_superuser("op", password="correct horse")
        looker = User.objects.create_user("looker", password="correct horse", is_staff=True)
        looker.user_permissions.set(Permission.objects.filter(codename="view_tenant"))
    return {
        "anonymous": browser("localhost"),
        "owner of a shop": browser("localhost", owner, shop),
        "operator with view permission": browser("localhost", looker, PLATFORM),
        "operator": browser("localhost", operator, PLATFORM),
    }
