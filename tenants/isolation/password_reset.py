"""Links that set a password: worth something in the tenant that gave them out, and in no other."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.urls import get_script_prefix, reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.isolation.urlconfs import import_urlconfs, urlconf_of_active


def password_link(user: Any) -> str:
    """Return the address at which a user of the active tenant sets a password; it works once.

    Its host is the one that is registered for the tenant, whatever a request says.
    """
    import_urlconfs()
    key = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse(
        "set_password",
        urlconf=urlconf_of_active(),
        kwargs={"uidb64": key, "token": default_token_generator.make_token(user)},
    )
    return address_of(path)


def address_of(path: str) -> str:
    """Return the absolute address, on the registered host, of a path of the active tenant that `reverse()` made."""
    tenant, config = current_tenant(), tenancy()
    path = "/" + path.removeprefix(get_script_prefix())  # of whoever asks: this host has the tenant at its root
    return config.origin + path if tenant.is_platform else config.url_of(tenant.host, path)
