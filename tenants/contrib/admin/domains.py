"""Domains in the operator's admin: on a page of their own, and on that of their tenant."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Field
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet

from tenants.conf import tenancy
from tenants.contrib.accounts.admin_base import UntitledInline
from tenants.contrib.admin.site import platform_site
from tenants.models import Domain


def clear_the_way(domain: Domain) -> None:
    """Make an alias of the tenant's primary domain, if that is another one than `domain`, before it takes its place."""
    Domain.objects.filter(tenant=domain.tenant_id, is_primary=True).exclude(pk=domain.pk).update(is_primary=False)


class DomainForm(forms.ModelForm):  # type: ignore[type-arg]  # a plain class at run time
    """A host; the model brings it into its one spelling and refuses the platform's."""

    class Meta:
        model = Domain
        fields = ["tenant", "host", "is_primary"]
        error_messages = {
            "host": {"unique": _("This host belongs to a tenant already. Choose another, or remove it there first.")}
        }

    def _get_validation_exclusions(self) -> set[str]:
        # Without the tenant the model does not look whether there is a primary domain: `clear_the_way` sees to it.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclusions | {"tenant"}


class DomainFormSet(PaginationInlineFormSet):
    """All domains of one tenant, of which one at most is the primary one."""

    def clean(self) -> None:
        """Refuse two primary domains."""
        super().clean()
        if len(self._primaries()) > 1:
            raise ValidationError(_("Only one domain can be the primary one."))

    def save(self, commit: bool = True) -> Any:
        """Save them all, after the place of the primary one is free."""
        for form in self._primaries():
            clear_the_way(form.instance)
        return super().save(commit)

    def _primaries(self) -> list[Any]:
        return [
            form
            for form in self.forms
            if getattr(form, "cleaned_data", {}).get("is_primary") and not self._should_delete_form(form)
        ]


class DomainInline(UntitledInline):
    """The domains on their tenant's page."""

    model = Domain
    form = DomainForm
    formset = DomainFormSet
    fields = ["host", "is_primary"]
    extra = 0


@admin.register(Domain, site=platform_site)
class DomainAdmin(ModelAdmin):
    """All domains of all tenants."""

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
        """Keep a domain with its tenant: to give it to another one, it is deleted and added there."""
        return ["tenant"] if obj else []

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field; the tenant's without the buttons that open or delete one in a small window."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "tenant":
            field.widget = field.widget.widget
        return field

    def save_model(self, request: HttpRequest, obj: Domain, form: Any, change: bool) -> None:
        """Save the domain; if it is the primary one now, the former one becomes an alias."""
        if obj.is_primary:
            clear_the_way(obj)
        super().save_model(request, obj, form, change)

    @display(description=_("address"))
    def address(self, domain: Domain) -> str:
        return format_html('<a href="{0}" class="operator-link">{0}</a>', tenancy().url_of(domain.host))
