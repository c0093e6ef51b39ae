"""The view that creates a tenant with its domain and its owner."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminForm

from tenants.admin.audit import actor
from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.admin.forms import NewTenantForm
from tenants.contrib.admin.views.base import redirect_to_tenant
from tenants.errors import TenancyError
from tenants.lifecycle.audit import acting_as
from tenants.lifecycle.owner import create_with_link
from tenants.models import Tenant


def create(model_admin: ModelAdmin, request: HttpRequest, extra_context: dict[str, Any] | None) -> HttpResponse:
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    form = NewTenantForm(request.POST or None)
    if form.is_valid() and (tenant := _create(model_admin, request, form)):
        return redirect_to_tenant(model_admin, request, tenant)
    admin_form = AdminForm(form, form.fieldsets, {}, (), model_admin=model_admin)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Open a shop"),
        "adminform": admin_form,
        "errors": form.errors,
        "media": model_admin.media + admin_form.media,
        "inline_admin_formsets": [],
        "is_popup": False,
        **(extra_context or {}),
    }
    response: HttpResponse = model_admin.render_change_form(request, context, add=True)
    return response


def _create(model_admin: ModelAdmin, request: HttpRequest, form: NewTenantForm) -> Tenant | None:
    spec = form.spec()
    try:
        # The error leaves the block, so the tenant is rolled back together with its entry in the admin log.
        with acting_as(actor(request)), transaction.atomic():
            info, link = create_with_link(spec)
            tenant = Tenant.objects.get(pk=info.id)
            model_admin.log_addition(request, tenant, [{"added": {}}])
    except TenancyError as error:
        form.add_tenancy_error(error)
        return None
    messages.success(request, _success_message(info, spec.owner_email, link))
    return tenant


def _success_message(tenant: TenantInfo, owner_email: str, link: str) -> str:
    url = tenancy().url_of(tenant.host)
    message = format_html(gettext('{} is open: <a href="{}" class="operator-underlined">{}</a>'), tenant.name, url, url)
    if not link:
        return message
    explanation = gettext("Send this link to {}, who sets the password with it. It works once and is not shown again:")
    return format_html("{}<br>{}<br><code>{}</code>", message, format_html(explanation, owner_email), link)
