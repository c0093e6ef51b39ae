"""An action of Django's own admin of tenants: a link by which an operator logs in to one."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.admin.audit import as_operator
from tenants.admin.tenants import TenantAdmin
from tenants.contrib.impersonation.conf import impersonation_settings
from tenants.contrib.impersonation.links import LINK_SECONDS, make_login_link
from tenants.errors import TenancyError
from tenants.models import Tenant
from tenants.registry.tenant_info import info_of


@admin.action(permissions=["enter"], description=_("Log in to the selected tenant"))
def log_in_to_selected(
    model_admin: ModelAdmin[Tenant], request: HttpRequest, queryset: QuerySet[Tenant]
) -> HttpResponse | None:
    tenants = list(queryset[:2])
    if len(tenants) != 1:
        messages.warning(request, gettext("Select one tenant."))
        return None
    user: Any = request.user
    try:
        with as_operator(request):
            link = make_login_link(info_of(tenants[0]), user.pk, user.get_username())
    except TenancyError as error:
        messages.error(request, str(error))
        return None
    model_admin.log_change(request, tenants[0], gettext("Created a login link."))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Log in to the shop"),
        "opts": model_admin.opts,
        "tenant": tenants[0],
        "link": link,
        "seconds": LINK_SECONDS,
        "minutes": impersonation_settings().operator_minutes,
    }
    return TemplateResponse(request, "admin/tenants/tenant/login_link.html", context)


if not apps.is_installed("tenants.contrib.admin"):  # it has a button
    TenantAdmin.actions = (*TenantAdmin.actions, log_in_to_selected)
