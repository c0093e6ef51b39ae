"""The tables that django-tenants asks for."""

from __future__ import annotations

from django_tenants.models import DomainMixin, TenantMixin


class Client(TenantMixin):
    """A tenant."""


class Domain(DomainMixin):
    """A host name of a tenant."""
