"""Setup steps of a new shop, in the transaction that creates its tenant, with the tenant active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

if TYPE_CHECKING:
    from tenants.lifecycle import TenantSpec

MANAGER = "Manager"
CLERK = "Clerk"

_APPS_OF_THE_SHOP = ("goods", "customers", "orders")
_RIGHTS_OF_CLERKS = (
    "view_category view_goods view_sku change_sku view_picture view_customer view_order change_order view_orderline"
).split()


def create_staff_groups(spec: TenantSpec) -> None:
    """Create the groups `Manager` (the whole shop, and its staff) and `Clerk` (stock and orders)."""
    Group.objects.bulk_create([Group(name=name) for name in (MANAGER, CLERK)], ignore_conflicts=True)
    groups = dict(Group.objects.filter(name__in=(MANAGER, CLERK)).values_list("name", "pk"))
    of_the_shop = Q(content_type__app_label__in=_APPS_OF_THE_SHOP)
    staff = Q(content_type__app_label="auth", codename__in=("view_user", "change_user"))
    rights = Permission.objects.filter(of_the_shop | staff).values_list("pk", "codename")
    memberships = [(MANAGER, right) for right, _ in rights]
    memberships += [(CLERK, right) for right, codename in rights if codename in _RIGHTS_OF_CLERKS]
    through = Group.permissions.through
    through.objects.bulk_create(
        [through(group_id=groups[name], permission_id=right) for name, right in memberships], ignore_conflicts=True
    )
