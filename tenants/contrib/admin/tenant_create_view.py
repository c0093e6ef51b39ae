"""Opening a shop in the operator's admin: one form for the tenant, its domain and its owner."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.forms import AdminForm

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.admin.forms import NewTenantForm
from tenants.errors import TenancyError
from tenants.lifecycle.audit import acting_as
from tenants.lifecycle.owner import create_with_link
from tenants.models import Tenant

_FIELDSETS = [
    (_("Shop"), {"fields": ["name", "slug", "domain", "variant", "language", "currency", "time_zone"]}),
    (_("Owner"), {"fields": ["owner_email", "owner_password"]}),
]


def actor(request: HttpRequest) -> str:
    """Return the name by which the audit log knows who is signed in here."""
    return f"operator {request.user.get_username()}"


class TenantOpening(ModelAdmin):
    """The part of the tenants' admin that stands where Django would insert a row."""

    add_form_template = "tenants/admin/open_tenant.html"

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
        context = {"show_save_and_add_another": False, **(extra_context or {})}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return response

    def _open(self, request: HttpRequest, extra_context: dict[str, Any] | None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewTenantForm(request.POST or None)
        if form.is_valid() and (tenant := self._create(request, form)):
            return self.back_to(request, tenant)
        return self._render_opening(request, form, extra_context)

    def _create(self, request: HttpRequest, form: NewTenantForm) -> Tenant | None:
        """Open the tenant; on an error, say it in the form and return None."""
        order = form.order()
        try:
            # Together with its entry in the log. An error of ours leaves the block, so all of it is rolled back.
            with acting_as(actor(request)), transaction.atomic():
                info, link = create_with_link(order)
                tenant = Tenant.objects.get(pk=info.id)
                self.log_addition(request, tenant, [{"added": {}}])
        except TenancyError as error:
            form.refuse(error)
            return None
        messages.success(request, _opened(info, order.owner_email, link))
        return tenant

    def _render_opening(
        self, request: HttpRequest, form: NewTenantForm, extra_context: dict[str, Any] | None
    ) -> HttpResponse:
        adminform = AdminForm(form, _FIELDSETS, {}, (), model_admin=self)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Open a shop"),
            "adminform": adminform,
            "errors": form.errors,
            "media": self.media + adminform.media,
            "inline_admin_formsets": [],
            "is_popup": False,
            **(extra_context or {}),
        }
        response: HttpResponse = self.render_change_form(request, context, add=True)
        return response

    def back_to(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        """Return a redirect to the tenant's page, or to the dashboard for who may not see that."""
        if self.has_view_or_change_permission(request, tenant):
            return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[tenant.pk]))
        return HttpResponseRedirect(reverse("admin:index"))


def _opened(tenant: TenantInfo, owner_email: str, link: str) -> str:
    """Return the news that a tenant is open: its address and, where the owner needs one, the set-up link."""
    url = tenancy().url_of(tenant.host)
    news = format_html(gettext('{} is open: <a href="{}" class="operator-underlined">{}</a>'), tenant.name, url, url)
    if not link:
        return news
    explanation = gettext("{} sets a password here. The link works once, and is not shown again:")
    return format_html("{}<br>{}<br><code>{}</code>", news, format_html(explanation, owner_email), link)
