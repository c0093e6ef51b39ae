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
from tenants.lifecycle.users import find_owner, has_users, owner_values, require_users


def create_owner(spec: TenantSpec) -> None:
    """Create the owner, a superuser of the active tenant. A setup step for `TENANTS["STEPS"]`."""
    if not spec.owner_email:
        return
    require_users()
    users: Any = get_user_model()
    values = owner_values(spec.owner_email, dict(spec.owner_fields))
    if not hasattr(users._default_manager, "create_superuser"):
        raise ConfigurationError(
            f"Creating the owner failed: the default manager of {users._meta.label} has no create_superuser(). Derive "
            f"it from django.contrib.auth.models.BaseUserManager and add the method, as for Django's createsuperuser."
        )
    users._default_manager.create_superuser(**values, password=spec.owner_password)


def create_with_link(spec: TenantSpec) -> tuple[TenantInfo, str]:
    """Create a tenant, and return it with a link for setting the owner's password, in one transaction.

    The link is empty if there is no owner or the owner has a password. Raises the same errors as `create_tenant`.
    """
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = create_tenant(spec)
        with use_tenant(tenant):
            needs_link = spec.owner_email and spec.owner_password is None and has_users()
        return tenant, setup_link(tenant, spec.owner_email) if needs_link else ""


def setup_link(tenant: TenantInfo, email: str) -> str:
    """Return a link that works once, with which the user of `tenant` with this e-mail sets a password.

    Raises the User model's `DoesNotExist`, or `ConfigurationError`.
    """
    users: Any = get_user_model()
    with use_tenant(tenant):
        require_users()
        owner = find_owner(email)
        if owner is None:
            raise users.DoesNotExist(f"{tenant} has no user {email!r}.")
        try:
            return password_link(owner)
        except NoReverseMatch as error:
            raise ConfigurationError(
                "TENANT_URLCONF has no URL named 'set_password' or 'password_reset_confirm' with uidb64 and token, so "
                "no owner can set a password. Include django.contrib.auth.urls, or give the owner a password."
            ) from error
