"""Shared parts of the tenant views: the operator in the audit log, messages, and the confirmation page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from tenants.admin.audit import actor
from tenants.errors import TenancyError
from tenants.lifecycle.audit import acting_as
from tenants.models import Tenant


@contextmanager
def as_operator(request: HttpRequest) -> Iterator[None]:
    """Name the signed-in operator in the audit log; show a `TenancyError` as a message instead of raising it."""
    try:
        with acting_as(actor(request)):
            yield
    except TenancyError as error:
        messages.error(request, str(error))


def report(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant, log: str, message: str) -> None:
    """Write `log` into the admin's history, and show `message`."""
    model_admin.log_change(request, tenant, log)
    messages.success(request, message)


def redirect_to_tenant(model_admin: ModelAdmin, request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Redirect to the tenant's page; to the dashboard without the permission to view it."""
    if model_admin.has_view_or_change_permission(request, tenant):
        return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[tenant.pk]))
    return HttpResponseRedirect(reverse("admin:index"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Texts of a page that explains an action before it starts."""

    title: str
    explanations: tuple[str, ...]
    button: str
    button_variant: str = "primary"


def confirm(
    model_admin: ModelAdmin,
    request: HttpRequest,
    confirmation: Confirmation,
    form: forms.Form | None,
    tenant: Tenant | None = None,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": confirmation.title,
        "opts": model_admin.opts,
        "original": tenant,
        "confirmation": confirmation,
        "form": form,
    }
    return TemplateResponse(request, "tenants/admin/confirm.html", context)
