"""Sangga, driven by `bench.worker`."""

from __future__ import annotations

from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle import TenantSpec, create_tenant, delete_tenant
from tenants.registry.lookup import tenant_by_slug


def create(name: str) -> None:
    """Create a tenant with an owner without a password, and the rows of the setup steps."""
    create_tenant(TenantSpec(slug=name, owner_email=f"owner@{name}.example"))


def inside(name: str) -> use_tenant:
    """Give the context in which the ORM works on a tenant."""
    return use_tenant(tenant_by_slug(name))


def platform() -> use_tenant:
    """Give the context in which the ORM works on the tables of the platform."""
    return use_tenant(PLATFORM)


def leave() -> None:
    """Leave every tenant, as a process that has just begun."""


def delete(name: str) -> None:
    """Delete a tenant, as the command does."""
    delete_tenant(name)
