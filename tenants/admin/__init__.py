"""The operator's admin, on the platform's host alone: tenants, domains, operators."""

from tenants.admin import domains, operators, tenants  # noqa: F401  # each registers itself
from tenants.admin.site import platform_site

__all__ = ["platform_site"]
