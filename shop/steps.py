"""The steps that furnish a new tenant as a shop; they run with the tenant active, in the transaction that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

if TYPE_CHECKING:
    from tenants.lifecycle import NewTenant

MANAGER = "Manager"
CLERK = "Clerk"

_APPS_OF_THE_SHOP = ("goods", "customers", "orders")
_RIGHTS_OF_CLERKS = (
    "view_category view_goods view_sku change_sku view_picture view_customer view_order change_order view_orderline"
)


def create_staff_groups(order: NewTenant) -> None:
    """Make the groups `Manager` (all of the shop; sees and changes staff) and `Clerk` (stock and orders)."""
    of_the_shop = Q(content_type__app_label__in=_APPS_OF_THE_SHOP)
    staff = Q(content_type__app_label="auth", codename__in=("view_user", "change_user"))
    _create_group(MANAGER, of_the_shop | staff)
    _create_group(CLERK, of_the_shop & Q(codename__in=_RIGHTS_OF_CLERKS.split()))


def _create_group(name: str, rights: Q) -> None:
    group, _ = Group.objects.get_or_create(name=name)
    group.permissions.set(Permission.objects.filter(rights))
