"""A tenant's first user, and the link with which they set their password."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from tenants.context import TenantInfo, use_tenant
from tenants.lifecycle.create import NewTenant
from tenants.tokens import password_link


def create_owner(order: NewTenant) -> None:
    """Make the owner that was asked for: a user of the active tenant, with all rights in it. A step of `STEPS`."""
    if order.owner_email:
        get_user_model().objects.create_superuser(
            username=order.owner_email, email=order.owner_email, password=order.owner_password
        )


def setup_link(tenant: TenantInfo, email: str) -> str:
    """Return the address at which the user of that e-mail in `tenant` sets a password; it works once."""
    with use_tenant(tenant):
        return password_link(get_user_model().objects.get(email=email))
