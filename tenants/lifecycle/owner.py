"""A tenant's first user, and the link with which they set their password."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.lifecycle.create import NewTenant
from tenants.tokens import token_generator
from tenants.urlconfs import import_urlconfs


def create_owner(order: NewTenant) -> None:
    """Make the owner that was asked for: a user of the active tenant, with all rights in it. A step of `STEPS`."""
    if order.owner_email:
        get_user_model().objects.create_superuser(
            username=order.owner_email, email=order.owner_email, password=order.owner_password
        )


def setup_link(tenant: TenantInfo, email: str) -> str:
    """Return the address at which the user of that e-mail in `tenant` sets a password; it works once."""
    import_urlconfs()
    with use_tenant(tenant):
        user = get_user_model().objects.get(email=email)
        path = reverse(
            "set_password",
            urlconf=tenancy().tenant_urlconf,
            kwargs={
                "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
                "token": token_generator.make_token(user),
            },
        )
    return tenancy().url_of(tenant.host, path)
