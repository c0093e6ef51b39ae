"""Columns of the list of tenants, and read-only fields of a tenant's page."""

from __future__ import annotations

from typing import cast

from django.template.defaultfilters import filesizeformat, truncatechars
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from tenants.contrib.admin.tenant_summary import MigrationStatus, TenantSummary, contents_of
from tenants.models import Tenant

_MIGRATION_COLORS = {
    MigrationStatus.CURRENT: "success",
    MigrationStatus.BEHIND: "warning",
    MigrationStatus.FAILED: "danger",
}
_STATUS_COLORS = {
    Tenant.Status.ACTIVE: "success",
    Tenant.Status.SUSPENDED: "warning",
    Tenant.Status.DELETED: "danger",
    Tenant.Status.PURGING: "danger",
}


@display(description=_("tenant"), header=True, ordering="name")
def tenant(tenant: Tenant) -> list[str]:
    return [tenant.name, tenant.slug, tenant.name[:1]]


@display(description=_("address"))
def address(tenant: Tenant) -> SafeString:
    summary = summary_of(tenant)
    return format_html('<a href="{0}" class="operator-link">{1}</a>', summary.url, summary.info.host)


@display(description=_("status"), ordering="status", label=_STATUS_COLORS)
def status_label(tenant: Tenant) -> tuple[str, str]:
    return tenant.status, tenant.get_status_display()


@display(description=_("schema"), ordering="pk")
def schema(tenant: Tenant) -> str:
    return tenant.schema


@display(description=_("size"))
def size(tenant: Tenant) -> str:
    size = summary_of(tenant).size
    return filesizeformat(size) if size is not None else gettext("no schema")


@display(description=_("migrations"))
def migrations(tenant: Tenant) -> SafeString:
    error = summary_of(tenant).error
    short = format_html('<span class="operator-error">{}</span>', truncatechars(error, 60)) if error else ""
    return format_html("{}{}", _migrations_label(tenant), short)


@display(description=_("migrations"))
def migrations_in_full(tenant: Tenant) -> SafeString:
    state, error = getattr(tenant, "state", None), summary_of(tenant).error
    context = {"label": _migrations_label(tenant), "state": state, "error": error}
    return render_to_string("tenants/admin/migrations.html", context)


@display(description=_("contents"))
def contents(tenant: Tenant) -> str:
    tables, users = contents_of(summary_of(tenant).info)
    parts = [ngettext("%d table", "%d tables", tables) % tables]
    if users is not None:
        parts.append(ngettext("%d user account", "%d user accounts", users) % users)
    return ", ".join(parts)


def summary_of(tenant: Tenant) -> TenantSummary:
    """Return what `add_summaries` has set."""
    return cast(TenantSummary, tenant.summary)  # type: ignore[attr-defined]


def _migrations_label(tenant: Tenant) -> SafeString:
    summary = summary_of(tenant)
    color = _MIGRATION_COLORS[summary.migrations]
    context = {"text": summary.migrations.label, "type": color, "label_title": summary.error}
    return render_to_string("unfold/helpers/label.html", context)
