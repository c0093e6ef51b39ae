"""Domains in Django's admin: their list, and the table on their tenant's page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin, TabularInline, display
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenants.admin.audit import as_operator
from tenants.conf import tenancy
from tenants.lifecycle import audit
from tenants.models import Domain, Tenant
from tenants.registry.tenant_info import info_of


def demote_other_primary(domain: Domain) -> None:
    """Make the tenant's primary domain an alias, unless it is `domain`: only one can be primary."""
    Domain.objects.filter(tenant=domain.tenant_id, is_primary=True).exclude(pk=domain.pk).update(is_primary=False)


class DomainForm(forms.ModelForm):
    class Meta:
        model = Domain
        fields = ("tenant", "host", "is_primary")
        error_messages = {
            "host": {"unique": _("This host already belongs to a tenant. Choose another, or remove it there first.")}
        }

    def _get_validation_exclusions(self) -> set[str]:
        # Skips the model's check for another primary domain: `demote_other_primary` makes way for this one.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclusions | {"tenant"}


class OnePrimaryMixin(BaseInlineFormSet):
    """Accepts one primary domain, which replaces the tenant's former one."""

    def clean(self) -> None:
        super().clean()
        if len(self._primaries()) > 1:
            raise ValidationError(_("Only one domain can be primary."))

    def save(self, commit: bool = True) -> Any:
        for form in self._primaries():
            demote_other_primary(form.instance)
        return super().save(commit)

    def _primaries(self) -> list[Any]:
        return [
            form
            for form in self.forms
            if getattr(form, "cleaned_data", {}).get("is_primary") and not self._should_delete_form(form)  # type: ignore[attr-defined]
        ]


class DomainFormSet(OnePrimaryMixin):
    pass


class DomainInline(TabularInline):
    model = Domain
    form = DomainForm
    formset = DomainFormSet
    fields = ("host", "is_primary")
    extra = 0


class AuditedDomainMixin(ModelAdmin):
    """Keeps one primary domain for each tenant, and writes what changes into the audit log."""

    def save_model(self, request: HttpRequest, obj: Domain, form: Any, change: bool) -> None:
        if obj.is_primary:
            demote_other_primary(obj)
        super().save_model(request, obj, form, change)
        _record(request, [obj.tenant])

    def delete_model(self, request: HttpRequest, obj: Domain) -> None:
        super().delete_model(request, obj)
        _record(request, [obj.tenant])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Domain]) -> None:
        tenants = list(Tenant.objects.filter(domains__in=queryset).distinct())
        super().delete_queryset(request, queryset)
        _record(request, tenants)


def _record(request: HttpRequest, tenants: Iterable[Tenant]) -> None:
    with as_operator(request):
        for tenant in tenants:
            hosts = [str(domain) for domain in Domain.objects.filter(tenant=tenant)]
            audit.record("change domains", info_of(tenant), now=hosts)


class DomainAdmin(AuditedDomainMixin, ModelAdmin):
    form = DomainForm
    list_display = ("host", "tenant", "is_primary", "address")
    list_select_related = ("tenant",)
    list_filter = ("is_primary",)
    search_fields = ("host", "tenant__slug", "tenant__name")
    autocomplete_fields = ("tenant",)
    fields = ("host", "tenant", "is_primary")

    def get_readonly_fields(self, request: HttpRequest, obj: Domain | None = None) -> list[str]:
        # To move a domain to another tenant, delete it and add it there.
        return ["tenant"] if obj else []

    @display(description=_("address"))
    def address(self, domain: Domain) -> str:
        return format_html('<a href="{0}">{0}</a>', tenancy().url_of(domain.host))
