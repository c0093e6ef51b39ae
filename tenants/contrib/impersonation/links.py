"""The one-time link by which an operator enters a shop: made by the platform, used up by the shop."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from tenants.context import PLATFORM, TenantInfo, current_tenant, use_tenant
from tenants.contrib.impersonation.errors import TenantClosed
from tenants.contrib.impersonation.models import OperatorLogin
from tenants.isolation.password_reset import address_of
from tenants.isolation.urlconfs import import_urlconfs, urlconf_of_active
from tenants.lifecycle import audit

SECONDS = 60
"""How long a link can be used."""


def make_entry_link(tenant: TenantInfo, operator_id: int, operator: str) -> str:
    """Return an address at which `operator` enters the shop, once and within a minute.

    What is in it is signed with the shop's key, and so void after a new epoch; what uses it up is a row of the control
    plane. Raises `TenantClosed` for a shop that is not open.
    """
    if tenant.status != "active":
        raise TenantClosed(tenant.slug)
    secret = secrets.token_urlsafe(32)
    with use_tenant(PLATFORM), transaction.atomic():
        OperatorLogin.objects.filter(made_at__lt=timezone.now() - timedelta(days=1)).delete()
        OperatorLogin.objects.create(
            digest=_digest(secret), tenant_id=tenant.id, operator_id=operator_id, operator=operator
        )
        audit.record("enter_link", tenant)
    import_urlconfs()
    with use_tenant(tenant):
        token = _signer().sign(secret)
        return address_of(reverse("operator_enter", urlconf=urlconf_of_active(), kwargs={"token": token}))


def use_entry_link(token: str) -> OperatorLogin | None:
    """Return whose link it is, at the active tenant, and use it up; None for one that is void here or now."""
    try:
        secret = _signer().unsign(token, max_age=SECONDS)
    except signing.BadSignature:
        return None
    tenant = current_tenant()
    with use_tenant(PLATFORM), transaction.atomic():
        now = timezone.now()
        fresh = OperatorLogin.objects.filter(made_at__gt=now - timedelta(seconds=SECONDS), used_at=None)
        entry = fresh.select_for_update().filter(digest=_digest(secret), tenant_id=tenant.id).first()
        if entry is None:
            return None
        entry.used_at = now
        entry.save(update_fields=["used_at"])
        with audit.acting_as(f"operator {entry.operator}"):
            audit.record("enter", tenant)
    return entry


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="operator entry")  # with SECRET_KEY, and so with the tenant's key


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
