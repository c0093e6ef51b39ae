"""What a restored tenant takes over: the slug, the domains and the state of the one before it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import ManyToManyRel

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.errors import DomainTaken, InvalidHost, TenantExists
from tenants.lifecycle import audit
from tenants.lifecycle.backup.manifest import Manifest
from tenants.lifecycle.delete import end_of_grace
from tenants.lifecycle.domains import attach_domain
from tenants.lifecycle.rows import Which, locked_tenant
from tenants.models import SchemaState, Tenant
from tenants.names import SLUG_MAX_LENGTH
from tenants.registry.tenant_info import info_of

LIMITS = ["plan", "max_concurrency", "max_queue", "max_rate", "max_burst", "max_statement_seconds"]
"""What says how much of the machine a tenant may take."""
_TERMS = ["api_version", "staff_second_factor", *LIMITS]
"""What an operator has laid down for a tenant, whatever schema it has."""


def take_terms(new: Tenant, old: Tenant) -> list[str]:
    """Give a tenant the terms of another: API, second factor, plan, limits. Return the fields to be saved."""
    for name in _TERMS:
        setattr(new, name, getattr(old, name))
    return _TERMS


def interim_slug() -> str:
    """Return a slug that nobody has, for as long as its tenant cannot be seen."""
    return uuid.uuid4().hex


def kept_slug(slug: str, restored: TenantInfo) -> str:
    """Return the slug under which the tenant is kept in whose place `restored` is."""
    suffix = f"-before-{restored.id}"
    return slug[: SLUG_MAX_LENGTH - len(suffix)].rstrip("-") + suffix


def take_place_of(which: Which, tenant: TenantInfo) -> str:
    """Put a new tenant in the place of another, which is deleted and kept under the slug that is returned.

    Domains and whatever else points at the old tenant point at the new one, and its doors are as open as they were.
    Raises `TenantNotFound` or `TenantExists`.
    """
    with locked_tenant(which) as old:
        slug, kept = old.slug, kept_slug(old.slug, tenant)
        if Tenant.objects.filter(slug=kept).exists():
            raise TenantExists(kept)
        new = Tenant.objects.get(pk=tenant.id)
        new.slug, new.status, new.notice, new.bypass = slug, old.status, old.notice, old.bypass
        old.slug, old.status = kept, Tenant.Status.DELETED
        purge_after = end_of_grace(old)
        old.save(update_fields=["slug", "status", "purge_after", *old.renew_epoch()])
        new.save(update_fields=["slug", "status", "notice", "bypass", *take_terms(new, old)])
        _move_what_points(old, new)
        audit.record("delete", info_of(old), replaced_by=tenant.schema, purge_after=purge_after.isoformat())
    return kept


def _move_what_points(old: Tenant, new: Tenant) -> None:
    for relation in Tenant._meta.related_objects:
        if relation.related_model is not SchemaState:  # that one is about the schema
            rows: Any = relation.related_model
            name = relation.field.name
            if isinstance(relation, ManyToManyRel):
                rows, name = relation.through, relation.field.m2m_reverse_field_name()
            rows._base_manager.filter(**{name: old.pk}).update(**{name: new.pk})


def give_limits(manifest: Manifest, tenant: TenantInfo) -> None:
    """Give a tenant the plan and the limits that it had; a plan that is none any more gives way to the default one."""
    row = Tenant.objects.get(pk=tenant.id)
    for name in LIMITS:
        setattr(row, name, manifest.limits.get(name, getattr(row, name)))
    if row.plan not in tenancy().plans:
        row.plan = ""
    row.save(update_fields=LIMITS)


def give_domains(manifest: Manifest, tenant: TenantInfo) -> list[str]:
    """Give a tenant that has its old slug again its domains as well; return those that are not to be had any more."""
    if tenant.slug != manifest.tenant.slug:
        return []
    row = Tenant.objects.get(pk=tenant.id)
    not_had = []
    for host, is_primary in manifest.domains.items():
        try:
            attach_domain(row, host, primary=is_primary)
        except (DomainTaken, InvalidHost):
            not_had.append(host)
    return not_had
