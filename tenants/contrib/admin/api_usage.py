"""API usage in the operator's admin: requests by tenant, API version, client and day."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from tenants.contrib.admin.read_only import ReadOnlyAdmin
from tenants.contrib.admin.site import platform_site
from tenants.contrib.api.models import ApiUsage


@admin.register(ApiUsage, site=platform_site)
class ApiUsageAdmin(ReadOnlyAdmin):
    list_display = ["tenant", "version", "client", "day", "requests", "last_at"]
    list_display_links = None
    list_filter = ["version", "day"]
    list_per_page = 100
    list_select_related = ["tenant"]
    search_fields = ["tenant__slug", "tenant__name", "client"]
    search_help_text = _("Slug or name of the tenant, or client")
