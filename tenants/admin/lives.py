"""What an operator does to a tenant beside editing its row: thin doors onto `tenants.lifecycle` and the migrator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.forms import AdminForm

from tenants.admin.forms import DeleteTenantForm, NewTenantForm
from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.errors import TenancyError
from tenants.lifecycle import create_tenant, delete_tenant, resume_tenant, suspend_tenant
from tenants.lifecycle.owner import setup_link
from tenants.migrator.runner import RunOptions, migrate_one
from tenants.models import Tenant
from tenants.registry import info_of

_NEW_TENANT_FIELDSETS = [
    (_("Shop"), {"fields": ["name", "slug", "domain", "language", "currency", "time_zone"]}),
    (_("Owner"), {"fields": ["owner_email", "owner_password"]}),
]


class TenantLives(ModelAdmin):
    """The part of the tenants' admin that opens, suspends, resumes, migrates and deletes."""

    def get_urls(self) -> list[URLPattern]:
        """Put the buttons of a tenant's page before Django's own URLs, the last of which takes any path."""
        return [self._button("suspend", self.suspend), self._button("resume", self.resume),
                self._button("migrate", self.migrate), *super().get_urls()]  # fmt: skip

    def _button(self, name: str, view: Callable[..., HttpResponse]) -> URLPattern:
        guarded: Callable[..., HttpResponse] = self.admin_site.admin_view(require_POST(view))
        return path(f"<path:object_id>/{name}/", guarded, name=f"tenants_tenant_{name}")

    # --- Opening

    @method_decorator(sensitive_post_parameters("owner_password"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a tenant's page, or the form that opens one: then nothing is saved but by `create_tenant`."""
        if object_id is None or "_saveasnew" in request.POST:
            return self._open(request, extra_context)
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return response

    def _open(self, request: HttpRequest, extra_context: dict[str, Any] | None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewTenantForm(request.POST or None)
        if form.is_valid() and (tenant := self._create(request, form)):
            return self._back_to(request, tenant)
        return self._render_opening(request, form, extra_context)

    def _create(self, request: HttpRequest, form: NewTenantForm) -> Tenant | None:
        """Open the tenant; on an error, say it in the form and return None."""
        order = form.order()
        try:
            # Together with its entry in the log. An error of ours leaves the block, so all of it is rolled back.
            with transaction.atomic():
                info = create_tenant(order)
                tenant = Tenant.objects.get(pk=info.id)
                self.log_addition(request, tenant, [{"added": {}}])
        except TenancyError as error:
            form.refuse(error)
            return None
        messages.success(request, _opened(info, order.owner_email, with_link=order.owner_password is None))
        return tenant

    def _render_opening(
        self, request: HttpRequest, form: NewTenantForm, extra_context: dict[str, Any] | None
    ) -> HttpResponse:
        adminform = AdminForm(form, _NEW_TENANT_FIELDSETS, {}, (), model_admin=self)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Open a shop"),
            "adminform": adminform,
            "errors": form.errors,
            "media": self.media + adminform.media,
            "inline_admin_formsets": [],
            "is_popup": False,
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            **(extra_context or {}),
        }
        response: HttpResponse = self.render_change_form(request, context, add=True)
        return response

    # --- Suspending, resuming, migrating

    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Close the tenant's doors."""
        return self._change(request, object_id, self._suspend)

    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the tenant's doors again."""
        return self._change(request, object_id, self._resume)

    def migrate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Migrate the tenant's schema now, and say what happened."""
        return self._change(request, object_id, self._migrate)

    def _change(
        self, request: HttpRequest, object_id: str, change: Callable[[HttpRequest, Tenant], None]
    ) -> HttpResponse:
        tenant = self.get_object(request, unquote(object_id))
        if not self.has_change_permission(request, tenant):
            raise PermissionDenied
        if tenant is None:
            return self._nobody(request, object_id)
        change(request, tenant)
        return self._back_to(request, tenant)

    def _suspend(self, request: HttpRequest, tenant: Tenant) -> None:
        suspend_tenant(tenant.slug)
        self.log_change(request, tenant, gettext("Suspended."))
        messages.success(request, gettext("%s is closed until you resume it.") % tenant.name)

    def _resume(self, request: HttpRequest, tenant: Tenant) -> None:
        resume_tenant(tenant.slug)
        self.log_change(request, tenant, gettext("Resumed."))
        messages.success(request, gettext("%s is open again.") % tenant.name)

    def _migrate(self, request: HttpRequest, tenant: Tenant) -> None:
        outcome = migrate_one(info_of(tenant), RunOptions())
        if outcome.failed:
            failed = gettext("%(name)s could not be migrated and is as it was: %(error)s")
            messages.error(request, failed % {"name": tenant.name, "error": outcome.error})
            return
        if outcome.elsewhere:
            messages.warning(request, gettext("%s is being migrated by another run just now.") % tenant.name)
            return
        applied = len(outcome.applied)
        done = ngettext("%(count)d migration was applied.", "%(count)d migrations were applied.", applied)
        self.log_change(request, tenant, done % {"count": applied})
        messages.success(request, done % {"count": applied})

    @admin.action(permissions=["change"], description=_("Suspend the selected tenants"))
    def suspend_selected(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        for tenant in queryset:
            self._suspend(request, tenant)

    @admin.action(permissions=["change"], description=_("Resume the selected tenants"))
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        for tenant in queryset:
            self._resume(request, tenant)

    # --- Deleting

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the list's actions, without the deletion of rows."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the slug, and delete the tenant with everything it has."""
        tenant = self.get_object(request, unquote(object_id))
        if not self.has_delete_permission(request, tenant):
            raise PermissionDenied
        if tenant is None:
            return self._nobody(request, object_id)
        form = DeleteTenantForm(tenant, request.POST or None)
        if form.is_valid():
            with transaction.atomic():
                self.log_deletions(request, [tenant])
                delete_tenant(tenant.slug)
            messages.success(request, gettext("%s is gone, with everything it had.") % tenant.name)
            return HttpResponseRedirect(reverse("admin:tenants_tenant_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Delete the tenant"),
            "subtitle": str(tenant),
            "opts": self.opts,
            "original": tenant,
            "form": form,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "tenants/admin/delete_tenant.html", context)

    # --- Where to go next

    def _back_to(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        if self.has_view_or_change_permission(request, tenant):
            return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[tenant.pk]))
        return HttpResponseRedirect(reverse("admin:index"))

    def _nobody(self, request: HttpRequest, object_id: str) -> HttpResponse:
        response: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return response


def _opened(tenant: TenantInfo, owner_email: str, *, with_link: bool) -> str:
    """Return the news that a tenant is open: its address and, where the owner needs one, the set-up link."""
    url = tenancy().url_of(tenant.host)
    news = format_html(gettext('{} is open: <a href="{}">{}</a>'), tenant.name, url, url)
    if not with_link:
        return news
    explanation = gettext("{} sets a password here. The link works once, and is not shown again:")
    return format_html(
        "{}<br>{}<br><code>{}</code>", news, format_html(explanation, owner_email), setup_link(tenant, owner_email)
    )
