"""The audit log in the operator's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from tenants.contrib.admin.read_only import ReadOnlyAdmin
from tenants.contrib.admin.site import platform_site
from tenants.models import AuditEvent

_EMPTY: tuple[Any, ...] = ("", None, [])


@admin.register(AuditEvent, site=platform_site)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "action", "slug", "actor", "details"]
    list_filter = ["action"]
    list_per_page = 100
    search_fields = ["slug", "actor", "action"]
    search_help_text = _("Slug of the tenant, operator or action")
    fields = ["at", "actor", "action", "slug", "tenant_id", "details"]

    @display(description=_("detail"))
    def details(self, event: AuditEvent) -> SafeString:
        known = [f"{key.replace('_', ' ')}: {value}" for key, value in event.detail.items() if value not in _EMPTY]
        return format_html('<span class="operator-details">{}</span>', " · ".join(known))
