"""Domains in Django's admin: their list, and the table on their tenant's page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin, TabularInline, display
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenants.conf import tenancy
from tenants.models import Domain


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


class DomainAdmin(ModelAdmin):
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

    def save_model(self, request: HttpRequest, obj: Domain, form: Any, change: bool) -> None:
        if obj.is_primary:
            demote_other_primary(obj)
        super().save_model(request, obj, form, change)

    @display(description=_("address"))
    def address(self, domain: Domain) -> str:
        return format_html('<a href="{0}">{0}</a>', tenancy().url_of(domain.host))
