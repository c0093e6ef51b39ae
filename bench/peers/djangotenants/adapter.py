"""django-tenants, driven by `bench.worker`."""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.db import connection
from django_tenants.utils import schema_context

from bench.peers.djangotenants.models import Client, Domain
from bench.peers.rows import create_rows


def make_template() -> None:
    """Make the schema that new tenants are cloned from."""
    Client(schema_name="template").save(verbosity=0)


def create(name: str) -> None:
    """Open a tenant as Sangga does: row, domain, schema, owner and staff groups."""
    client = Client(schema_name=name)
    client.save(verbosity=0)
    Domain.objects.create(domain=f"{name}.localhost", tenant=client, is_primary=True)
    with schema_context(name):
        create_rows(name)


def adopt(name: str) -> None:
    """Insert the rows of a tenant whose schema is there."""
    client = Client(schema_name=name)
    client.auto_create_schema = False
    client.save()
    Domain.objects.create(domain=f"{name}.localhost", tenant=client, is_primary=True)


def inside(name: str) -> AbstractContextManager[None]:
    """Give the context in which the ORM works on a tenant."""
    connection.set_schema_to_public()
    return schema_context(name)


def platform() -> AbstractContextManager[None]:
    """Give the context in which the ORM works on the public schema."""
    return schema_context("public")


def leave() -> None:
    """Leave every tenant, as a process that has just begun."""
    connection.set_schema_to_public()


def delete(name: str) -> None:
    """Delete a tenant by its row, with the defaults."""
    connection.set_schema_to_public()
    Client.objects.get(schema_name=name).delete()
