"""Permissions of a new shop's staff."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import Group

from shop.steps import CLERK, MANAGER, create_staff_groups
from tenants import TenantInfo, use_tenant
from tenants.lifecycle import TenantSpec


def rights_of(group: str) -> set[str]:
    names = Group.objects.get(name=group).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in names}


def test_managers_do_all_in_the_shop_and_clerks_what_they_are_for(open_shop: Callable[..., TenantInfo]) -> None:
    with use_tenant(open_shop()):
        managers, clerks = rights_of(MANAGER), rights_of(CLERK)
    assert {"goods.delete_goods", "customers.add_customer", "orders.change_order", "auth.change_user"} <= managers
    assert not {right for right in managers if right.startswith(("auth.add", "auth.delete", "admin.", "oauth."))}
    assert clerks == {
        *("goods.view_category", "goods.view_goods", "goods.view_sku", "goods.change_sku", "goods.view_picture"),
        *("customers.view_customer", "orders.view_order", "orders.change_order", "orders.view_orderline"),
    }


def test_groups_that_are_there_are_kept(open_shop: Callable[..., TenantInfo]) -> None:
    shop = open_shop()
    with use_tenant(shop):
        Group.objects.get(name=CLERK).permissions.clear()
        kept = set(Group.objects.values_list("pk", "name"))
        create_staff_groups(TenantSpec(slug=shop.slug))
        assert set(Group.objects.values_list("pk", "name")) == kept
        assert "orders.change_order" in rights_of(CLERK)
