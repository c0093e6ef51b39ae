"""Pages of a shop for operators: entering it by a link, and leaving it."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tenants.context import PLATFORM, current_tenant, use_tenant
from tenants.contrib.impersonation.links import use_entry_link
from tenants.contrib.impersonation.session import begin_session, give_hint
from tenants.isolation.password_reset import address_of
from tenants.isolation.urlconfs import urlconf_of_active


@never_cache
@require_safe
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Let the operator in whose link this is, once; 403 for a link that is used, too old, or another shop's."""
    entry = use_entry_link(token) if request.method == "GET" else None
    if entry is None:
        response = render(request, "tenants/impersonation/void.html", status=403)
    else:
        begin_session(request, entry)
        response = HttpResponseRedirect(reverse("admin:index"))
        give_hint(response)
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End the operator's session here, and show the way back to the office."""
    logout(request)
    tenant_id = current_tenant().id
    with use_tenant(PLATFORM):
        back = address_of(reverse("admin:tenants_tenant_change", urlconf_of_active(), [tenant_id]))
    return render(request, "tenants/impersonation/left.html", {"back": back})
