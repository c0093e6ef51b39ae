"""The control plane's tables, in schema `public`: who the tenants are, where they answer, how far they are migrated."""

from tenants.contrib.mounts.models import Mount, check_mount_path
from tenants.contrib.services.models import Service, ServiceAddress, ServiceReport
from tenants.models.fields import HostField
from tenants.models.operation import AuditEvent, Operation, OperatorEntry
from tenants.models.schema_state import ApiUsage, Pressure, Release, SchemaState
from tenants.models.tenant import Domain, Tenant, check_slug

__all__ = [
    "ApiUsage",
    "AuditEvent",
    "Domain",
    "HostField",
    "Mount",
    "Operation",
    "OperatorEntry",
    "Pressure",
    "Release",
    "SchemaState",
    "Service",
    "ServiceAddress",
    "ServiceReport",
    "Tenant",
    "check_mount_path",
    "check_slug",
]
