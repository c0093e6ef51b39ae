"""Deleting rows whose relations are on one side only."""

from __future__ import annotations

from django.contrib.auth.models import User

from shop.customers.models import Customer
from tenants.context import PLATFORM, TenantInfo, use_tenant


def test_an_operator_can_be_deleted_though_shops_relate_to_users(platform: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        User.objects.create_user("kim")
        User.objects.create_user("lee").delete()
        User.objects.filter(username="kim").delete()
        assert not User.objects.exists()


def test_in_a_shop_what_relates_to_a_user_is_still_looked_after(acme: TenantInfo) -> None:
    with use_tenant(acme):
        user = User.objects.create_user("kim")
        customer = Customer.objects.create(email="kim@example.com", name="Kim", user=user)
        user.delete()
        customer.refresh_from_db()
        assert customer.user is None
