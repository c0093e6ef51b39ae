"""Schema-per-tenant routing for Django on PostgreSQL.

The names below are what code of apps needs; docs/api.md documents the functions of other modules.
"""

from tenants.configuration import configure
from tenants.context import PLATFORM, TenantInfo, active_tenant, current_tenant, use_tenant
from tenants.errors import NoActiveTenant, TenancyError, TenantNotFound, WrongSchema, WrongTenant
from tenants.threads import run_in_threads

__all__ = [
    "PLATFORM",
    "NoActiveTenant",
    "TenancyError",
    "TenantInfo",
    "TenantNotFound",
    "WrongSchema",
    "WrongTenant",
    "active_tenant",
    "configure",
    "current_tenant",
    "run_in_threads",
    "use_tenant",
]

__version__ = "0.1.0"
