"""The control plane's tables, in schema `public`: who the tenants are, where they answer, how far they are migrated."""

from tenants.models.audit import AuditEvent
from tenants.models.fields import HostField
from tenants.models.operation import Operation
from tenants.models.schema_state import Release, SchemaState
from tenants.models.tenant import Domain, Tenant, check_slug

__all__ = ["AuditEvent", "Domain", "HostField", "Operation", "Release", "SchemaState", "Tenant", "check_slug"]
