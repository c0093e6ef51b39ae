"""The operator's admin, on the platform's host alone: tenants, domains, operators."""

from tenants.admin.site import platform_site

__all__ = ["platform_site"]
