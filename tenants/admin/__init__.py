"""The operator's admin, on the platform's host alone: tenants, domains, services, operators, operations, the log."""

from tenants.admin import (  # noqa: F401  # each registers itself
    api_usage,
    audit,
    domains,
    operations,
    operators,
    services,
    tenants,
)
from tenants.admin.site import platform_site

__all__ = ["platform_site"]
