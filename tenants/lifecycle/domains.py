"""Domains of a tenant."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from tenants.context import TenantInfo
from tenants.errors import DomainTaken, InvalidHost
from tenants.hosts import normalize_host
from tenants.lifecycle import audit
from tenants.lifecycle.locking import TenantRef, lock_tenant
from tenants.models import Domain, Tenant
from tenants.registry.tenant_info import info_of


def add_domain(slug: TenantRef, host: str, *, primary: bool = False) -> TenantInfo:
    """Add a domain and return the tenant; all other addresses redirect to a `primary` one.

    Raises `TenantNotFound`, `InvalidHost` or `DomainTaken`.
    """
    with lock_tenant(slug) as tenant:
        attach_domain(tenant, host, primary=primary)
        info = info_of(tenant)
        audit.record("add domain", info, host=host, primary=primary)
    return info


def attach_domain(tenant: Tenant, host: str, *, primary: bool) -> None:
    domain = Domain(tenant=tenant, host=normalize_host(host), is_primary=primary)
    if Domain.objects.filter(host=domain.host).exists():
        raise DomainTaken(domain.host)
    try:
        domain.clean()
    except ValidationError as error:
        raise InvalidHost(host, " ".join(error.messages)) from error
    try:
        with transaction.atomic():
            if primary:
                tenant.domains.filter(is_primary=True).update(is_primary=False)
            domain.save()
    except IntegrityError as error:  # a concurrent transaction was faster
        raise DomainTaken(domain.host) from error


def set_primary_domain(slug: TenantRef, host: str) -> TenantInfo:
    """Make one of a tenant's domains the primary one; an empty `host` means the subdomain."""
    with lock_tenant(slug) as tenant:
        _make_primary(tenant, _domain_of(tenant, host) if host else None)
        info = info_of(tenant)
        audit.record("set primary domain", info, host=host)
    return info


def remove_domain(slug: TenantRef, host: str) -> TenantInfo:
    """Remove a domain; if it was the primary one, the subdomain becomes primary."""
    with lock_tenant(slug) as tenant:
        _domain_of(tenant, host).delete()
        info = info_of(tenant)
        audit.record("remove domain", info, host=host)
    return info


def _make_primary(tenant: Tenant, domain: Domain | None) -> None:
    # In this order, so that two are never primary.
    tenant.domains.filter(is_primary=True).update(is_primary=False)
    if domain is not None:
        domain.is_primary = True
        domain.save(update_fields=["is_primary"])


def _domain_of(tenant: Tenant, host: str) -> Domain:
    domain = tenant.domains.filter(host=normalize_host(host)).first()
    if domain is None:
        raise InvalidHost(host, f"it is not a domain of tenant {tenant.slug!r}.")
    return domain
