"""The tables that django-pgschemas asks for."""

from __future__ import annotations

from django_pgschemas.models import TenantModel
from django_pgschemas.routing.models import DomainModel


class Tenant(TenantModel):
    """A tenant."""


class Domain(DomainModel):
    """A host name of a tenant."""
