"""Tenants in the operator's admin: the list, a tenant's page, and what can be done to one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat, truncatechars
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.views import ChangeList

from tenants.contrib.admin.domains import DomainInline
from tenants.contrib.admin.forms import TenantForm
from tenants.contrib.admin.limits import LIMITS_FIELDSET, LIMITS_READONLY, LimitsAdmin
from tenants.contrib.admin.mounts import MountInline
from tenants.contrib.admin.site import platform_site
from tenants.contrib.admin.tenant_confirm_views import TenantQuestions
from tenants.contrib.admin.tenant_create_view import actor
from tenants.contrib.admin.tenant_facts import Facts, Migrations, facts_of, furniture_of, with_migrations
from tenants.contrib.admin.tenant_login_view import TenantEntering
from tenants.lifecycle import audit
from tenants.lifecycle.audit import acting_as
from tenants.models import Tenant
from tenants.registry.tenant_info import info_of

_MIGRATIONS_LABELS = {Migrations.CURRENT: "success", Migrations.BEHIND: "warning", Migrations.FAILED: "danger"}
_STATUS_LABELS = {
    Tenant.Status.ACTIVE: "success",
    Tenant.Status.SUSPENDED: "warning",
    Tenant.Status.DELETED: "danger",
    Tenant.Status.PURGING: "danger",
}


_FACTS = ("name", "language", "currency", "time_zone", "api_version", "staff_second_factor")
"""What an operator may change about a tenant on its page, beside its limits."""


def _attach_facts(tenants: list[Tenant]) -> None:
    facts = facts_of(tenants)
    for tenant in tenants:
        tenant.facts = facts[tenant.pk]  # type: ignore[attr-defined]


def _facts(tenant: Tenant) -> Facts:
    return cast(Facts, tenant.facts)  # type: ignore[attr-defined]


class TenantChangeList(ChangeList):
    """A page of tenants with the facts of each."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page, and the facts of all on it with one query more."""
        super().get_results(request)
        self.result_list: list[Tenant] = list(self.result_list)
        _attach_facts(self.result_list)


class MigrationsFilter(admin.SimpleListFilter):
    """Filters by where the schema is compared with the migrations in the code."""

    title = _("migrations")
    parameter_name = "migrations"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return Migrations.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> QuerySet[Tenant]:
        wanted = self.value()
        if wanted is None or wanted not in Migrations.values:
            return queryset
        return queryset.filter(with_migrations(Migrations(wanted)))


@admin.register(Tenant, site=platform_site)
class TenantAdmin(TenantEntering, TenantQuestions, LimitsAdmin):
    """All tenants. Whatever has to do with a schema goes through `tenants.lifecycle`, never through the row alone."""

    form = TenantForm
    inlines = [DomainInline, MountInline]
    list_display = ["tenant", "address", "door", "schema", "size", "migrations", "created_at"]
    list_filter = ["status", MigrationsFilter, "variant"]
    list_per_page = 50
    search_fields = ["slug", "name", "domains__host"]
    search_help_text = _("Slug, name or domain")
    fieldsets = [
        (None, {"fields": ["name", "slug", *_FACTS[1:]]}),
        (
            _("In the database"),
            {"fields": ["variant", "schema", "role", "size", "contents", "migrations_in_full", "created_at"]},
        ),
        LIMITS_FIELDSET,
    ]
    readonly_fields = [
        *LIMITS_READONLY,
        "slug",
        "variant",
        "schema",
        "role",
        "size",
        "contents",
        "migrations_in_full",
        "created_at",
    ]
    change_form_outer_before_template = "tenants/admin/tenant_doors.html"
    actions = ["suspend_selected", "resume_selected"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        """Return tenants with what their facts are made of."""
        tenants: QuerySet[Tenant] = super().get_queryset(request)
        return tenants.select_related("state").prefetch_related("domains", "mounts")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TenantChangeList]:
        return TenantChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Tenant | None:
        """Return the tenant with its facts, or None."""
        tenant = cast("Tenant | None", super().get_object(request, object_id, from_field))
        if tenant is not None:
            _attach_facts([tenant])
        return tenant

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save domains or mounts, and write down who changed them."""
        super().save_formset(request, form, formset, change)
        if formset.has_changed():
            rows = formset.model._default_manager.filter(tenant=form.instance)
            with acting_as(actor(request)):
                audit.record(
                    f"change {formset.model._meta.model_name}s", info_of(form.instance), now=[str(row) for row in rows]
                )

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        """Save what was changed, and write it down."""
        super().save_model(request, obj, form, change)
        changed = {name: form.cleaned_data[name] for name in form.changed_data if name in _FACTS}
        if changed:
            with acting_as(actor(request)):
                audit.record("change", info_of(obj), **changed)

    # --- Columns and read-only fields

    @display(description=_("tenant"), header=True, ordering="name")
    def tenant(self, tenant: Tenant) -> list[str]:
        return [tenant.name, tenant.slug, tenant.name[:1]]

    @display(description=_("address"))
    def address(self, tenant: Tenant) -> SafeString:
        return format_html('<a href="{0}" class="operator-link">{1}</a>', _facts(tenant).url, _facts(tenant).info.host)

    @display(description=_("status"), ordering="status", label=_STATUS_LABELS)
    def door(self, tenant: Tenant) -> tuple[str, str]:
        return tenant.status, tenant.get_status_display()

    @display(description=_("schema"), ordering="pk")
    def schema(self, tenant: Tenant) -> str:
        return tenant.schema

    @display(description=_("size"))
    def size(self, tenant: Tenant) -> str:
        size = _facts(tenant).size
        return filesizeformat(size) if size is not None else gettext("no schema")

    @display(description=_("migrations"))
    def migrations(self, tenant: Tenant) -> SafeString:
        facts = _facts(tenant)
        error = format_html('<span class="operator-error">{}</span>', truncatechars(facts.error, 60))
        return format_html("{}{}", _migrations_label(facts), error if facts.error else "")

    @display(description=_("migrations"))
    def migrations_in_full(self, tenant: Tenant) -> SafeString:
        state = getattr(tenant, "state", None)
        return render_to_string(
            "tenants/admin/migrations.html",
            {"label": _migrations_label(_facts(tenant)), "state": state, "error": _facts(tenant).error},
        )

    @display(description=_("contents"))
    def contents(self, tenant: Tenant) -> str:
        tables, users = furniture_of(_facts(tenant).info)
        parts = [ngettext("%d table", "%d tables", tables) % tables]
        if users is not None:
            parts.append(ngettext("%d user account", "%d user accounts", users) % users)
        return ", ".join(parts)


def _migrations_label(facts: Facts) -> SafeString:
    return render_to_string(
        "unfold/helpers/label.html",
        {"text": facts.migrations.label, "type": _MIGRATIONS_LABELS[facts.migrations], "label_title": facts.error},
    )
