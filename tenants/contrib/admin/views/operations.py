"""Views that start a background operation, and redirect to the page with its progress."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from unfold.admin import ModelAdmin

from tenants.admin.audit import actor
from tenants.conf import tenancy
from tenants.contrib.admin.forms import SlugConfirmationForm
from tenants.contrib.admin.operation_forms import CloneForm, RestoreForm, VariantForm
from tenants.contrib.admin.views.base import Confirmation, confirm, redirect_to_tenant
from tenants.lifecycle.audit import acting_as
from tenants.models import Tenant
from tenants.tasks import start_operation


def migrate_behind(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    return _start(model_admin, request, "migrate")


def check(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    return _start(model_admin, request, "check")


def backup(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    if not tenancy().backup_dir:
        messages.error(request, gettext("No folder for backups is configured. Set BACKUP_DIR in TENANTS."))
        return redirect_to_tenant(model_admin, request, tenant)
    return _start(model_admin, request, "backup", tenant)


def restore(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    form = RestoreForm(request.POST or None, initial={"slug": request.GET.get("slug", "")})
    if form.is_valid():
        return _start(model_admin, request, "restore", **form.cleaned_data)
    explanation = (
        gettext("Restores a backup from %s completely or not at all. All users are signed out.")
        if form.has_backups
        else gettext("No backups in %s yet. Create one on the page of a tenant.")
    )
    confirmation = Confirmation(
        title=gettext("Restore a backup"),
        explanations=(explanation % tenancy().backup_dir,),
        button=gettext("Restore backup"),
    )
    return confirm(model_admin, request, confirmation, form if form.has_backups else None)


def clone(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    form = CloneForm(request.POST or None)
    if form.is_valid():
        return _start(model_admin, request, "clone", tenant, **form.cleaned_data)
    confirmation = Confirmation(
        title=gettext("Clone %s") % tenant.name,
        explanations=(
            gettext("Copies rows and files as they are now. The shop stays open."),
            gettext("The clone gets no domains and no sessions."),
        ),
        button=gettext("Clone shop"),
    )
    return confirm(model_admin, request, confirmation, form, tenant)


def set_variant(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    form = VariantForm(tenant.variant, request.POST or None, request.FILES or None)
    if form.is_valid():
        return _start(model_admin, request, "variant", tenant, **form.arguments)
    confirmation = Confirmation(
        title=gettext("Change the variant of %s") % tenant.name,
        explanations=(
            gettext("Creates the tables of the variant, with default values for existing rows. The shop stays open."),
            gettext("Data of the previous variant is kept, and used again if the shop returns to that variant."),
        ),
        button=gettext("Change variant"),
    )
    return confirm(model_admin, request, confirmation, form, tenant)


def purge(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    if tenant.status not in {Tenant.Status.DELETED, Tenant.Status.PURGING}:
        messages.error(request, gettext("%s cannot be purged: it is not deleted. Delete it first.") % tenant.name)
        return redirect_to_tenant(model_admin, request, tenant)
    form = SlugConfirmationForm(tenant, request.POST or None)
    if form.is_valid():
        return _start(model_admin, request, "purge", tenant)
    loss = gettext("Its schema %s, users, files and addresses are deleted now. Only a backup can restore them.")
    confirmation = Confirmation(
        title=gettext("Purge %s now?") % tenant.name,
        explanations=(loss % tenant.schema, gettext("To confirm, enter the slug: %s") % tenant.slug),
        button=gettext("Purge tenant"),
        button_variant="danger",
    )
    return confirm(model_admin, request, confirmation, form, tenant)


def _start(
    model_admin: ModelAdmin, request: HttpRequest, kind: str, tenant: Tenant | None = None, **arguments: Any
) -> HttpResponse:
    slug = arguments.pop("slug", "")
    with acting_as(actor(request)):
        operation = start_operation(kind, slug, tenant_id=tenant.pk if tenant else None, **arguments)
    model_admin.log_addition(request, operation, gettext("Started."))
    return HttpResponseRedirect(reverse("admin:tenants_operation_change", args=[operation.pk]))
