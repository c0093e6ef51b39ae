"""Walks through the admin and the API of a shop whose variant has children of customers, orders and categories.

Run in a separate process, since Django's apps are process-wide.
"""

from __future__ import annotations

import re

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment

from shop.customers.models import Customer
from shop.goods.models import Category, Goods, Sku
from shop.orders.services import CustomerDetails, place_order
from tenants import TenantInfo, use_tenant
from tenants.lifecycle import TenantSpec
from tenants.registry.lookup import tenant_by_slug
from tenants.testing.databases import test_database


def create_rows() -> User:
    """Create rows of each kind with code that does not know the variant."""
    category = Category.objects.create(name="C", slug="c")
    goods = Goods.objects.create(name="Lamp", slug="lamp", category=category)
    sku = Sku.objects.create(goods=goods, price="9.99", stock=5)
    place_order(CustomerDetails(email="kim@example.com", name="Kim"), {sku.pk: 2}, "1 Main St")
    manager = User.objects.create_user("manager", is_staff=True)
    manager.groups.add(*Group.objects.all())
    return manager


def walk(client: Client) -> dict[str, int]:
    """Follow every link of the admin, and return what each address answered."""
    seen: dict[str, int] = {}
    todo = ["/admin/"]
    while todo:
        address = todo.pop()
        if address in seen or "logout" in address:
            continue
        answer = client.get(address)
        seen[address] = answer.status_code
        if answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming:
            todo += re.findall(r'href="(/admin/[^"?#]*)', answer.content.decode())
    return seen


def say(tenant: TenantInfo) -> None:
    with use_tenant(tenant):
        manager, owner = create_rows(), User.objects.get(is_superuser=True)
    for user in (owner, manager):
        client = Client(HTTP_HOST=tenant.host, raise_request_exception=False)
        with use_tenant(tenant):
            client.force_login(user)
        seen = walk(client)
        wrong = {address: status for address, status in seen.items() if status >= 400}
        wanted = {
            f"/admin/{path}" for path in ("customers/", "customers/customer/", "orders/order/", "goods/category/")
        }
        print("wrong", wrong, "unseen", sorted(wanted - seen.keys()))
    with use_tenant(tenant):
        (pk,) = Customer.objects.values_list("pk", flat=True)
    sent = {
        "name": "Kim B",
        "email": "k@x.example",
        "orders-TOTAL_FORMS": 0,
        "orders-INITIAL_FORMS": 0,
        "loyalty": "gold",
    }
    print("saved", client.post(f"/admin/customers/customer/{pk}/change/", sent).status_code)
    with use_tenant(tenant):
        print("loyalty", Customer.objects.get().special.loyalty)
    print("api", [client.get(f"/api/v2/{name}").status_code for name in ("goods", "customers", "orders")])


def main() -> None:
    """Open a shop of the variant `special` and print what was found."""
    call_command("makemigrations", "special", verbosity=0)
    call_command("check")
    setup_test_environment()
    with test_database([TenantSpec(slug="special", variant="special", owner_email="o@x.example")], reuse=False):
        say(tenant_by_slug("special"))
