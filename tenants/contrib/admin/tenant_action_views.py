"""What an operator does to a tenant beside editing its row: thin doors onto `tenants.lifecycle` and the migrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from tenants.conf import tenancy
from tenants.contrib.admin.forms import DeleteTenantForm
from tenants.contrib.admin.tenant_create_view import TenantOpening, actor
from tenants.errors import TenancyError
from tenants.lifecycle import (
    clear_tenant_cache,
    delete_tenant,
    resume_tenant,
    sign_out_tenant,
    suspend_tenant,
    undelete_tenant,
)
from tenants.lifecycle.audit import acting_as
from tenants.migrator.runner import RunOptions, migrate_one
from tenants.models import Tenant
from tenants.registry.tenant_info import info_of

Change = Callable[[HttpRequest, Tenant], None]
"""Does something to a tenant, writes it into the log, and tells the operator; may raise `TenancyError`."""


class TenantLives(TenantOpening):
    """The part of the tenants' admin that resumes, migrates, deletes and has back."""

    def get_urls(self) -> list[URLPattern]:
        """Put the buttons of a tenant's page before Django's own URLs, the last of which takes any path."""
        buttons = {
            "resume": self._resume,
            "sign_out": self._sign_out,
            "clear_cache": self._clear_cache,
            "migrate": self._migrate,
            "undelete": self._undelete,
        }
        return [*(self._button(name, change) for name, change in buttons.items()), *super().get_urls()]

    def _button(self, name: str, change: Change) -> URLPattern:
        @require_POST
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            tenant = self.get_object(request, unquote(object_id))
            if not self.has_change_permission(request, tenant):
                raise PermissionDenied
            if tenant is None:
                return self._nobody(request, object_id)
            self._do(request, tenant, change)
            return self.back_to(request, tenant)

        guarded: Callable[..., HttpResponse] = self.admin_site.admin_view(view)
        return path(f"<path:object_id>/{name}/", guarded, name=f"tenants_tenant_{name}")

    def _do(self, request: HttpRequest, tenant: Tenant, change: Change) -> bool:
        """Do it in the operator's name and return whether it could be done; if not, say why."""
        try:
            with acting_as(actor(request)):
                change(request, tenant)
        except TenancyError as error:
            messages.error(request, str(error))
            return False
        return True

    # --- The buttons of a tenant's page, and the list's actions

    def _suspend(self, request: HttpRequest, tenant: Tenant, notice: str = "") -> None:
        suspend_tenant(tenant.pk, notice)
        self.log_change(request, tenant, gettext("Suspended."))
        messages.success(request, gettext("%s is closed until you resume it.") % tenant.name)

    def _resume(self, request: HttpRequest, tenant: Tenant) -> None:
        resume_tenant(tenant.pk)
        self.log_change(request, tenant, gettext("Resumed."))
        messages.success(request, gettext("%s is open again.") % tenant.name)

    def _sign_out(self, request: HttpRequest, tenant: Tenant) -> None:
        sign_out_tenant(tenant.pk)
        self.log_change(request, tenant, gettext("Signed everybody out."))
        messages.success(
            request, gettext("Everybody is signed out of %s, and links that it sent are void.") % tenant.name
        )

    def _clear_cache(self, request: HttpRequest, tenant: Tenant) -> None:
        clear_tenant_cache(tenant.pk)
        self.log_change(request, tenant, gettext("Emptied the cache."))
        messages.success(request, gettext("%s finds nothing in its cache any more.") % tenant.name)

    def _migrate(self, request: HttpRequest, tenant: Tenant) -> None:
        outcome = migrate_one(info_of(tenant), RunOptions())
        if outcome.failed:
            failed = gettext("%(name)s could not be migrated and is as it was: %(error)s")
            messages.error(request, failed % {"name": tenant.name, "error": outcome.error})
            return
        if outcome.locked:
            messages.warning(request, gettext("%s is being migrated by another run just now.") % tenant.name)
            return
        applied = len(outcome.applied)
        if not applied:
            messages.success(request, gettext("%s is up to date; there was nothing to do.") % tenant.name)
            return
        done = ngettext("%(count)d migration was applied.", "%(count)d migrations were applied.", applied)
        self.log_change(request, tenant, done % {"count": applied})
        messages.success(request, done % {"count": applied})

    def _undelete(self, request: HttpRequest, tenant: Tenant) -> None:
        undelete_tenant(tenant.pk)
        self.log_change(request, tenant, gettext("Brought back."))
        messages.success(request, gettext("%s is back, as it was.") % tenant.name)

    @admin.action(permissions=["change"], description=_("Suspend the selected tenants"))
    def suspend_selected(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        for tenant in queryset:
            self._do(request, tenant, self._suspend)

    @admin.action(permissions=["change"], description=_("Resume the selected tenants"))
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        for tenant in queryset:
            self._do(request, tenant, self._resume)

    # --- Deleting

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Return the list's actions, without the deletion of rows. Newer versions of Django tell where they stand."""
        place = {} if action_location is None else {"action_location": action_location}
        actions: dict[str, Any] = super().get_actions(request, **place)
        actions.pop("delete_selected", None)
        return actions

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the slug, and delete the tenant in a way that it can be brought back from."""
        tenant = self.get_object(request, unquote(object_id))
        if not self.has_delete_permission(request, tenant):
            raise PermissionDenied
        if tenant is None:
            return self._nobody(request, object_id)
        form = DeleteTenantForm(tenant, request.POST or None)
        if form.is_valid():
            self._do(request, tenant, self._delete)
            return self.back_to(request, tenant)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Delete the tenant"),
            "subtitle": str(tenant),
            "opts": self.opts,
            "original": tenant,
            "form": form,
            "grace_days": tenancy().grace_days,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "tenants/admin/delete_tenant.html", context)

    def _delete(self, request: HttpRequest, tenant: Tenant) -> None:
        delete_tenant(tenant.pk)
        tenant.refresh_from_db(fields=["purge_after"])
        self.log_change(request, tenant, gettext("Deleted."))
        until = {"name": tenant.name, "date": date_format(cast(datetime, tenant.purge_after), "DATE_FORMAT")}
        messages.success(request, gettext("%(name)s is deleted. It can be brought back until %(date)s.") % until)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the operator may delete; what is deleted already cannot be deleted again."""
        exists = obj is None or info_of(obj).exists
        return exists and bool(super().has_delete_permission(request, obj))

    def _nobody(self, request: HttpRequest, object_id: str) -> HttpResponse:
        response: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return response
