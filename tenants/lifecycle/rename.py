"""Rename of a tenant's slug. No DDL is needed: the schema is named after the id."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.errors import TenantExists
from tenants.lifecycle import audit
from tenants.lifecycle.locking import TenantRef, lock_tenant
from tenants.models import Tenant
from tenants.names import validate_slug
from tenants.registry.tenant_info import info_of


def rename_tenant(slug: TenantRef, new_slug: str) -> TenantInfo:
    """Change a tenant's slug, and with it the subdomain; the old slug is free at once.

    All users are signed out, and links that were sent become invalid. Raises `TenantNotFound`, `InvalidName` or
    `TenantExists`.
    """
    validate_slug(new_slug, reserved=tenancy().all_reserved_slugs)
    with lock_tenant(slug) as tenant:
        if Tenant.objects.filter(slug=new_slug).exclude(pk=tenant.pk).exists():
            raise TenantExists(new_slug)
        before = tenant.slug
        tenant.slug = new_slug
        renewed = tenant.renew_epoch()  # the next tenant with the old slug must not accept old credentials
        try:
            with transaction.atomic():
                tenant.save(update_fields=["slug", *renewed])
        except IntegrityError as error:  # a concurrent transaction was faster
            raise TenantExists(new_slug) from error
        info = info_of(tenant)
        audit.record("rename", info, before=before)
    return info
