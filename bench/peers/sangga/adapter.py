"""Sangga, driven by `bench.worker`."""

from __future__ import annotations

from tenants.context import use_tenant
from tenants.lifecycle import TenantSpec, create_tenant
from tenants.registry.lookup import tenant_by_slug


def create(name: str) -> None:
    """Create a tenant with an owner without a password, and the rows of the setup steps."""
    create_tenant(TenantSpec(slug=name, owner_email=f"owner@{name}.example"))


def inside(name: str) -> use_tenant:
    """Give the context in which the ORM works on a tenant."""
    return use_tenant(tenant_by_slug(name))
