"""The admin classes of the operator's admin, where `django.contrib.admin.autodiscover` looks for them."""

from tenants.contrib.admin import (  # noqa: F401  # each registers itself
    api_usage,
    audit,
    domains,
    operations,
    operators,
    services,
    tenants,
)
