"""The use of the tenants' API in the operator's admin: who calls which version, day by day."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from tenants.contrib.admin.site import platform_site
from tenants.contrib.api.models import ApiUsage


@admin.register(ApiUsage, site=platform_site)
class ApiUsageAdmin(ModelAdmin):
    """What was counted, the last day first; changed by nobody."""

    list_display = ["tenant", "version", "client", "day", "requests", "last_at"]
    list_display_links = None
    list_filter = ["version", "day"]
    list_per_page = 100
    search_fields = ["tenant__slug", "tenant__name", "client"]
    search_help_text = _("Slug or name of the tenant, or client")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiUsage]:
        """Return what was counted, with the tenants."""
        counted: QuerySet[ApiUsage] = super().get_queryset(request)
        return counted.select_related("tenant")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
