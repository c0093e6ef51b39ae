"""The view that gives an operator a one-time link to log in to a shop."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from tenants.admin.audit import actor
from tenants.contrib.admin.views.base import redirect_to_tenant
from tenants.contrib.impersonation.conf import impersonation_settings
from tenants.contrib.impersonation.links import LINK_SECONDS, make_login_link
from tenants.errors import TenancyError
from tenants.lifecycle.audit import acting_as
from tenants.models import Tenant
from tenants.registry.tenant_info import info_of


def log_in(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    user: Any = request.user
    try:
        with acting_as(actor(request)):
            link = make_login_link(info_of(tenant), user.pk, user.get_username())
    except TenancyError as error:
        messages.error(request, str(error))
        return redirect_to_tenant(model_admin, request, tenant)
    model_admin.log_change(request, tenant, gettext("Created a login link."))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Log in to the shop"),
        "subtitle": str(tenant),
        "opts": model_admin.opts,
        "original": tenant,
        "link": link,
        "seconds": LINK_SECONDS,
        "minutes": impersonation_settings().operator_minutes,
    }
    # A page with the link, not a redirect: the page's form-action policy may forbid a redirect to another host.
    return TemplateResponse(request, "tenants/admin/log_in.html", context)
