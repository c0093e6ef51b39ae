"""Actions on selected tenants, each with a page that asks for confirmation."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from tenants.admin.audit import as_operator
from tenants.errors import TenancyError
from tenants.lifecycle import resume_tenant, suspend_tenant, undelete_tenant
from tenants.models import Tenant

_TEMPLATE = "admin/tenants/tenant/confirm_selected.html"
Action = Callable[[ModelAdmin, HttpRequest, "QuerySet[Tenant]"], "HttpResponse | None"]


def _confirmed(change: Callable[[int], Any], *, wanted: Tenant.Status, title: Any, explanation: Any) -> Action:
    """Return an action that shows the tenants with the status `wanted`, and after confirmation changes each."""

    @wraps(change)
    def action(model_admin: ModelAdmin, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        tenants = list(queryset.filter(status=wanted))
        if not tenants:
            messages.warning(request, _("No selected tenant has the status “%s”.") % wanted.label)
            return None
        if "confirmed" in request.POST:
            for tenant in tenants:
                _change(model_admin, request, tenant, change, title)
            return None
        context = {
            **model_admin.admin_site.each_context(request),
            "title": title,
            "explanation": explanation,
            "opts": model_admin.opts,
            "tenants": tenants,
            "action": request.POST["action"],
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, _TEMPLATE, context)

    return action


def _change(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant, change: Any, title: Any) -> None:
    try:
        with as_operator(request):
            change(tenant.pk)
    except TenancyError as error:
        messages.error(request, str(error))
    else:
        model_admin.log_change(request, tenant, str(title))
        messages.success(request, f"{tenant}: {title}")


def _action(name: str, description: Any, action: Action) -> Action:
    action.__name__ = name  # the action's value in the form
    decorated: Action = admin.action(permissions=["change"], description=description)(action)
    return decorated


suspend_selected = _action(
    "suspend_selected",
    _("Suspend selected tenants"),
    _confirmed(
        suspend_tenant,
        wanted=Tenant.Status.ACTIVE,
        title=_("Suspend tenants"),
        explanation=_("All addresses of these tenants answer 503 until you resume them. Data and sessions are kept."),
    ),
)
resume_selected = _action(
    "resume_selected",
    _("Resume selected tenants"),
    _confirmed(
        resume_tenant,
        wanted=Tenant.Status.SUSPENDED,
        title=_("Resume tenants"),
        explanation=_("These tenants are open again, and links for their staff stop working."),
    ),
)
undelete_selected = _action(
    "undelete_selected",
    _("Undelete selected tenants"),
    _confirmed(
        undelete_tenant,
        wanted=Tenant.Status.DELETED,
        title=_("Undelete tenants"),
        explanation=_("These tenants are available again, as before their deletion."),
    ),
)
