"""The control plane's tables, in schema `public`: who the tenants are, where they answer, how far they are migrated."""

from tenants.models.deeds import AuditEvent, Operation, OperatorEntry
from tenants.models.hosts import HostField
from tenants.models.mount import Mount, check_mount_path
from tenants.models.state import ApiUsage, Pressure, Release, SchemaState
from tenants.models.tenant import Domain, Tenant, check_slug
from tenants.service_models import Service, ServiceAddress, ServiceReport

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
