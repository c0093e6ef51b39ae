"""django-pgschemas, driven by `bench.worker`."""

from __future__ import annotations

from django.core.management import call_command
from django_pgschemas.schema import Schema

from bench.peers.pgschemas.models import Domain, Tenant
from bench.peers.rows import create_rows


def make_template() -> None:
    """Make the schema that new tenants are cloned from."""
    call_command("createrefschema", verbosity=0)


def create(name: str) -> None:
    """Open a tenant as Sangga does: row, domain, schema, owner and staff groups."""
    tenant = Tenant(schema_name=name)
    tenant.save(verbosity=0)
    Domain.objects.create(domain=f"{name}.localhost", tenant=tenant, is_primary=True)
    with tenant:
        create_rows(name)


def adopt(name: str) -> None:
    """Insert the rows of a tenant whose schema is there."""
    tenant = Tenant(schema_name=name)
    tenant.auto_create_schema = False
    tenant.save()
    Domain.objects.create(domain=f"{name}.localhost", tenant=tenant, is_primary=True)


def inside(name: str) -> Schema:
    """Give the context in which the ORM works on a tenant."""
    return Schema.create(name)


def platform() -> Schema:
    """Give the context in which the ORM works on the public schema."""
    return Schema.create("public")


def leave() -> None:
    """Leave every tenant, as a process that has just begun."""


def delete(name: str) -> None:
    """Delete a tenant by its row, with the defaults."""
    Tenant.objects.get(schema_name=name).delete()
