"""Imports of the admin classes, for `django.contrib.admin.autodiscover`."""

from tenants.contrib.admin import (  # noqa: F401  # each registers itself
    api_usage,
    audit,
    domains,
    operations,
    operators,
    services,
    tenants,
)
