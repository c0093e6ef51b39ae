"""A tenant's first user, and the link with which they set their password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.urls import NoReverseMatch

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import ConfigurationError
from tenants.isolation.password_reset import password_link
from tenants.lifecycle.create import NewTenant, create_tenant


def create_owner(order: NewTenant) -> None:
    """Make the owner that was asked for: a user of the active tenant, with all rights in it. A step of `STEPS`."""
    if order.owner_email:
        users: Any = get_user_model()
        names = dict.fromkeys((users.USERNAME_FIELD, users.get_email_field_name()), order.owner_email)
        known = {field.name for field in users._meta.get_fields()}
        given = {name: value for name, value in names.items() if name in known}
        users._default_manager.create_superuser(**given, password=order.owner_password)


def create_with_link(order: NewTenant) -> tuple[TenantInfo, str]:
    """Open a tenant, and return it with the link with which its owner sets a password: all or nothing.

    The link is empty where there is no owner, or the owner has a password. Raises what `create_tenant` does.
    """
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = create_tenant(order)
        needs_link = order.owner_email and order.owner_password is None
        return tenant, setup_link(tenant, order.owner_email) if needs_link else ""


def setup_link(tenant: TenantInfo, email: str) -> str:
    """Return the address at which the user of that e-mail in `tenant` sets a password; it works once."""
    users: Any = get_user_model()
    with use_tenant(tenant):
        try:
            return password_link(users._default_manager.get(**{users.get_email_field_name(): email}))
        except NoReverseMatch as error:
            raise ConfigurationError(
                "TENANT_URLCONF has no page at which an owner sets a password: no URL named 'set_password' that takes "
                "uidb64 and token. Add tenants.contrib.accounts.set_password.SetPassword, or give the owner a password."
            ) from error
