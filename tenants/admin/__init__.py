"""The operator's admin, on the platform's host alone: tenants, domains, operators, operations, the audit log."""

from tenants.admin import audit, domains, operations, operators, tenants  # noqa: F401  # each registers itself
from tenants.admin.site import platform_site

__all__ = ["platform_site"]
