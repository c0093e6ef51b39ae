"""Owner of a new tenant, and the link for setting the owner's password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.urls import NoReverseMatch

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import ConfigurationError
from tenants.isolation.password_reset import password_link
from tenants.lifecycle.create import TenantSpec, create_tenant


def create_owner(spec: TenantSpec) -> None:
    """Create the owner, a superuser of the active tenant. A setup step for `TENANTS["STEPS"]`."""
    if spec.owner_email:
        users: Any = get_user_model()
        names = dict.fromkeys((users.USERNAME_FIELD, users.get_email_field_name()), spec.owner_email)
        known = {field.name for field in users._meta.get_fields()}
        given = {name: value for name, value in names.items() if name in known}
        users._default_manager.create_superuser(**given, password=spec.owner_password)


def create_with_link(spec: TenantSpec) -> tuple[TenantInfo, str]:
    """Create a tenant, and return it with a link for setting the owner's password, in one transaction.

    The link is empty if there is no owner or the owner has a password. Raises the same errors as `create_tenant`.
    """
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = create_tenant(spec)
        needs_link = spec.owner_email and spec.owner_password is None
        return tenant, setup_link(tenant, spec.owner_email) if needs_link else ""


def setup_link(tenant: TenantInfo, email: str) -> str:
    """Return a link that works once, with which the user of `tenant` with this e-mail sets a password."""
    users: Any = get_user_model()
    with use_tenant(tenant):
        try:
            return password_link(users._default_manager.get(**{users.get_email_field_name(): email}))
        except NoReverseMatch as error:
            raise ConfigurationError(
                "TENANT_URLCONF has no URL named 'set_password' with uidb64 and token, so no owner can set a password. "
                "Add tenants.contrib.accounts.set_password.SetPassword, or give the owner a password."
            ) from error
