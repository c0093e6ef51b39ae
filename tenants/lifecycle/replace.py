"""Replacement of a tenant by a restored one, which gets its slug, domains, status and settings."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import ManyToManyRel

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.errors import DomainTaken, InvalidHost, TenantExists
from tenants.lifecycle import audit
from tenants.lifecycle.delete import end_of_grace
from tenants.lifecycle.domains import attach_domain
from tenants.lifecycle.locking import TenantRef, lock_tenant
from tenants.models import SchemaState, Tenant
from tenants.names import SLUG_MAX_LENGTH
from tenants.registry.tenant_info import info_of

LIMITS = ["plan", "max_concurrency", "max_queue", "max_rate", "max_burst", "max_statement_seconds"]
_SETTINGS = ["api_version", "staff_second_factor", *LIMITS]
"""Fields of `Tenant` that an operator sets."""


def copy_settings(new: Tenant, old: Tenant) -> list[str]:
    """Copy API version, second factor, plan and limits, and return the fields to save."""
    for name in _SETTINGS:
        setattr(new, name, getattr(old, name))
    return _SETTINGS


def interim_slug() -> str:
    """Return a unique slug for a tenant whose transaction is not committed yet."""
    return uuid.uuid4().hex


def kept_slug(slug: str, restored: TenantInfo) -> str:
    """Return the slug that the replaced tenant keeps while it is deleted."""
    suffix = f"-before-{restored.id}"
    return slug[: SLUG_MAX_LENGTH - len(suffix)].rstrip("-") + suffix


def replace_tenant(ref: TenantRef, tenant: TenantInfo) -> str:
    """Replace the tenant `ref` by a new one: delete it, and return the slug that it has from now on.

    The new tenant gets its status, its domains and all other rows that refer to it. Raises `TenantNotFound` or
    `TenantExists`.
    """
    with lock_tenant(ref) as old:
        slug, kept = old.slug, kept_slug(old.slug, tenant)
        if Tenant.objects.filter(slug=kept).exists():
            raise TenantExists(kept)
        new = Tenant.objects.get(pk=tenant.id)
        new.slug, new.status, new.notice, new.bypass = slug, old.status, old.notice, old.bypass
        old.slug, old.status = kept, Tenant.Status.DELETED
        purge_after = end_of_grace(old)
        old.save(update_fields=["slug", "status", "purge_after", *old.renew_epoch()])
        new.save(update_fields=["slug", "status", "notice", "bypass", *copy_settings(new, old)])
        _move_references(old, new)
        audit.record("delete", info_of(old), replaced_by=tenant.schema, purge_after=purge_after.isoformat())
    return kept


def _move_references(old: Tenant, new: Tenant) -> None:
    for relation in Tenant._meta.related_objects:
        if relation.related_model is not SchemaState:  # it describes the schema
            rows: Any = relation.related_model
            name = relation.field.name
            if isinstance(relation, ManyToManyRel):
                rows, name = relation.through, relation.field.m2m_reverse_field_name()
            rows._base_manager.filter(**{name: old.pk}).update(**{name: new.pk})


def restore_limits(tenant: TenantInfo, limits: Mapping[str, Any]) -> None:
    """Set a tenant's plan and limits; an unknown plan becomes the default one."""
    row = Tenant.objects.get(pk=tenant.id)
    for name in LIMITS:
        setattr(row, name, limits.get(name, getattr(row, name)))
    if row.plan not in tenancy().plans:
        row.plan = ""
    row.save(update_fields=LIMITS)


def restore_domains(tenant: TenantInfo, domains: Mapping[str, bool]) -> list[str]:
    """Give a tenant these domains, each with whether it is primary; return those that are no longer available."""
    row = Tenant.objects.get(pk=tenant.id)
    unavailable = []
    for host, is_primary in domains.items():
        try:
            attach_domain(row, host, primary=is_primary)
        except (DomainTaken, InvalidHost):
            unavailable.append(host)
    return unavailable
