"""Domains in the operator's admin: their list, and the table on their tenant's page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet

from tenants.admin.domains import AuditedDomainMixin, DomainForm, OnePrimaryMixin
from tenants.conf import tenancy
from tenants.contrib.accounts.admin_base import UntitledInline
from tenants.contrib.admin.site import platform_site
from tenants.models import Domain


class DomainFormSet(OnePrimaryMixin, PaginationInlineFormSet):
    pass


class DomainInline(UntitledInline):
    model = Domain
    form = DomainForm
    formset = DomainFormSet
    fields = ["host", "is_primary"]
    extra = 0


@admin.register(Domain, site=platform_site)
class DomainAdmin(AuditedDomainMixin, ModelAdmin):
    form = DomainForm
    list_display = ["host", "tenant", "is_primary", "address"]
    list_select_related = ["tenant"]
    list_filter = ["is_primary"]
    list_per_page = 50
    search_fields = ["host", "tenant__slug", "tenant__name"]
    search_help_text = _("Host, or slug or name of the tenant")
    autocomplete_fields = ["tenant"]
    fields = ["host", "tenant", "is_primary"]

    def get_readonly_fields(self, request: HttpRequest, obj: Domain | None = None) -> list[str]:
        # To move a domain to another tenant, delete it and add it there.
        return ["tenant"] if obj else []

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "tenant":
            field.widget = field.widget.widget  # without buttons to add or change a tenant in a popup
        return field

    @display(description=_("address"))
    def address(self, domain: Domain) -> str:
        return format_html('<a href="{0}" class="operator-link">{0}</a>', tenancy().url_of(domain.host))
