"""One-time links by which operators log in to a shop: created on the platform, used in the shop."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from tenants.absolute_urls import primary_url
from tenants.context import PLATFORM, TenantInfo, current_tenant, use_tenant
from tenants.contrib.impersonation.errors import TenantClosed
from tenants.contrib.impersonation.models import OperatorLogin
from tenants.isolation.urlconfs import import_urlconfs, urlconf_of_active
from tenants.lifecycle import audit

LINK_SECONDS = 60
_NAME_LENGTH = OperatorLogin._meta.get_field("operator").max_length


def make_login_link(tenant: TenantInfo, operator_id: object, operator: str) -> str:
    """Return an address that logs `operator` in to the shop once, within a minute.

    Its token is signed with the tenant's key, and thus void after a new epoch. A row of the control plane records its
    use. Raises `TenantClosed` for a suspended or deleted tenant.
    """
    if tenant.status != "active":
        raise TenantClosed(tenant.slug)
    secret = secrets.token_urlsafe(32)
    with use_tenant(PLATFORM), transaction.atomic():
        OperatorLogin.objects.filter(made_at__lt=timezone.now() - timedelta(days=1)).delete()
        OperatorLogin.objects.create(
            digest=_digest(secret), tenant_id=tenant.id, operator_id=str(operator_id), operator=operator[:_NAME_LENGTH]
        )
        audit.record("enter_link", tenant)
    import_urlconfs()
    with use_tenant(tenant):
        token = _signer().sign(secret)
        return primary_url(reverse("operator_enter", urlconf=urlconf_of_active(), kwargs={"token": token}))


def use_login_link(token: str) -> OperatorLogin | None:
    """Mark the link as used and return its login; None if it is invalid, expired, used or another tenant's."""
    try:
        secret = _signer().unsign(token, max_age=LINK_SECONDS)
    except signing.BadSignature:
        return None
    tenant = current_tenant()
    with use_tenant(PLATFORM), transaction.atomic():
        now = timezone.now()
        unused = OperatorLogin.objects.filter(made_at__gt=now - timedelta(seconds=LINK_SECONDS), used_at=None)
        login = unused.select_for_update().filter(digest=_digest(secret), tenant_id=tenant.id).first()
        if login is None:
            return None
        login.used_at = now
        login.save(update_fields=["used_at"])
        with audit.acting_as(f"operator {login.operator}"):
            audit.record("enter", tenant)
    return login


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="operator entry")  # with SECRET_KEY, and so with the tenant's key


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
