"""Views that change a tenant immediately: suspend, resume, rename, sign out, clear cache, migrate, delete, undelete."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from tenants.conf import tenancy
from tenants.contrib.admin.forms import SlugConfirmationForm, SuspendForm
from tenants.contrib.admin.operation_forms import NewSlugForm
from tenants.contrib.admin.views.base import Confirmation, as_operator, confirm, redirect_to_tenant, report
from tenants.lifecycle import (
    clear_tenant_cache,
    delete_tenant,
    rename_tenant,
    resume_tenant,
    sign_out_tenant,
    suspend_tenant,
    undelete_tenant,
)
from tenants.migrator.runner import RunOptions, migrate_one
from tenants.models import Tenant
from tenants.registry.tenant_info import info_of


def suspend(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    form = SuspendForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        _suspend(model_admin, request, tenant, form.cleaned_data["notice"])
        return redirect_to_tenant(model_admin, request, tenant)
    confirmation = Confirmation(
        title=gettext("Suspend %s") % tenant.name,
        explanations=(
            gettext("All addresses of the shop answer 503 until you resume it. Data and sessions are kept."),
            gettext("Afterwards the tenant’s page here shows a link with which the staff can still visit the shop."),
        ),
        button=gettext("Suspend shop"),
    )
    return confirm(model_admin, request, confirmation, form, tenant)


def resume(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    message = gettext("%s is open again.") % tenant.name
    return _change(model_admin, request, tenant, resume_tenant, gettext("Resumed."), message)


@admin.action(permissions=["change"], description=_("Suspend selected tenants"))
def suspend_selected(model_admin: ModelAdmin, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
    for tenant in queryset:
        _suspend(model_admin, request, tenant)


@admin.action(permissions=["change"], description=_("Resume selected tenants"))
def resume_selected(model_admin: ModelAdmin, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
    for tenant in queryset:
        resume(model_admin, request, tenant)


def _suspend(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant, notice: str = "") -> None:
    with as_operator(request):
        suspend_tenant(tenant.pk, notice)
        report(model_admin, request, tenant, gettext("Suspended."), gettext("%s is suspended.") % tenant.name)


def rename(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    form = NewSlugForm(request.POST or None)
    if form.is_valid():
        with as_operator(request):
            info = rename_tenant(tenant.pk, form.cleaned_data["new_slug"])
            url = tenancy().url_of(info.host)
            message = gettext('Address of {}: <a href="{}" class="operator-underlined">{}</a>')
            log = gettext("Changed the slug to %s.") % info.slug
            report(model_admin, request, tenant, log, format_html(message, tenant.name, url, url))
        return redirect_to_tenant(model_admin, request, tenant)
    address = tenancy().url_of(f"{tenant.slug}.{tenancy().base_domain}")
    confirmation = Confirmation(
        title=gettext("Change the slug of %s") % tenant.name,
        explanations=(
            gettext("The address %s stops working at once, and the new one starts. Domains stay.") % address,
            gettext("All users are signed out, and links in e-mails from the shop stop working."),
        ),
        button=gettext("Change slug"),
    )
    return confirm(model_admin, request, confirmation, form, tenant)


def sign_out(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    message = gettext("All users of %s are signed out, and links in its e-mails no longer work.") % tenant.name
    return _change(model_admin, request, tenant, sign_out_tenant, gettext("Signed out all users."), message)


def clear_cache(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    message = gettext("Cache of %s cleared.") % tenant.name
    return _change(model_admin, request, tenant, clear_tenant_cache, gettext("Cleared the cache."), message)


def migrate(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    with as_operator(request):
        outcome = migrate_one(info_of(tenant), RunOptions())
        applied = len(outcome.applied)
        if outcome.failed:
            failed = gettext("Migration failed for %(name)s, the schema is unchanged: %(error)s")
            messages.error(request, failed % {"name": tenant.name, "error": outcome.error})
        elif outcome.locked:
            messages.warning(request, gettext("%s is being migrated by another run.") % tenant.name)
        elif not applied:
            messages.success(request, gettext("%s is up to date.") % tenant.name)
        else:
            done = ngettext("%(count)d migration was applied.", "%(count)d migrations were applied.", applied)
            done %= {"count": applied}
            report(model_admin, request, tenant, done, done)
    return redirect_to_tenant(model_admin, request, tenant)


def delete(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    form = SlugConfirmationForm(tenant, request.POST or None)
    if form.is_valid():
        with as_operator(request):
            delete_tenant(tenant.pk)
            tenant.refresh_from_db(fields=["purge_after"])
            until = {"name": tenant.name, "date": date_format(cast(datetime, tenant.purge_after), "DATE_FORMAT")}
            message = gettext("%(name)s is deleted. You can undelete it until %(date)s.") % until
            report(model_admin, request, tenant, gettext("Deleted."), message)
        return redirect_to_tenant(model_admin, request, tenant)
    days = tenancy().grace_days
    grace = ngettext(
        "The shop closes at once. You can undelete it for %(days)d day.",
        "The shop closes at once. You can undelete it for %(days)d days.",
        days,
    )
    loss = gettext("After that, its schema %(schema)s (%(size)s), users, files and addresses are deleted permanently.")
    size = filesizeformat(tenant.summary.size)  # type: ignore[attr-defined]
    confirmation = Confirmation(
        title=gettext("Delete %s?") % tenant.name,
        explanations=(
            grace % {"days": days},
            loss % {"schema": tenant.schema, "size": size},
            gettext("To confirm, enter the slug: %s") % tenant.slug,
        ),
        button=gettext("Delete tenant"),
        button_variant="danger",
    )
    return confirm(model_admin, request, confirmation, form, tenant)


def undelete(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    message = gettext("%s is available again, as before its deletion.") % tenant.name
    return _change(model_admin, request, tenant, undelete_tenant, gettext("Undeleted."), message)


def _change(
    model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant, change: Callable[[int], Any], log: str, message: str
) -> HttpResponse:
    with as_operator(request):
        change(tenant.pk)
        report(model_admin, request, tenant, log, message)
    return redirect_to_tenant(model_admin, request, tenant)
