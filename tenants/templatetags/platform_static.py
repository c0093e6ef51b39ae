"""The template tag `platform_static`."""

from __future__ import annotations

from django import template
from django.templatetags.static import static

from tenants.conf import tenancy
from tenants.context import active_tenant

register = template.Library()


@register.simple_tag
def platform_static(path: str) -> str:
    """Return the address of a static file; on a host that is turned away, where none is served, the platform's."""
    address = static(path)
    if active_tenant() is not None or not address.startswith("/"):
        return address
    return tenancy().url_of(tenancy().base_domain, address)
