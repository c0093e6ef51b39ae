"""The audit log in the operator's admin: read, searched, and changed by nobody."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from tenants.contrib.admin.site import platform_site
from tenants.models import AuditEvent

_NOTHING: tuple[Any, ...] = ("", None, [])
"""What a fact says that has nothing to tell."""


@admin.register(AuditEvent, site=platform_site)
class AuditEventAdmin(ModelAdmin):
    """Everything that was done to a tenant, the youngest first."""

    list_display = ["at", "action", "slug", "actor", "facts"]
    list_filter = ["action"]
    list_per_page = 100
    search_fields = ["slug", "actor", "action"]
    search_help_text = _("Slug of the tenant, who did it, or what")
    fields = ["at", "actor", "action", "slug", "tenant_id", "facts"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=_("detail"))
    def facts(self, event: AuditEvent) -> SafeString:
        known = [f"{key.replace('_', ' ')}: {value}" for key, value in event.detail.items() if value not in _NOTHING]
        return format_html('<span class="operator-facts">{}</span>', " · ".join(known))
