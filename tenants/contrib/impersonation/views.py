"""Views in a shop that log an operator in by a link, and out."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tenants.absolute_urls import primary_url
from tenants.context import PLATFORM, current_tenant, use_tenant
from tenants.contrib.impersonation.links import use_login_link
from tenants.contrib.impersonation.session import set_hint_cookie, start_session
from tenants.isolation.urlconfs import urlconf_of_active


@never_cache
@require_safe
def log_in(request: HttpRequest, token: str) -> HttpResponse:
    # HEAD does not use the link up: mail scanners and chat previews send it.
    operator_login = use_login_link(token) if request.method == "GET" else None
    if operator_login is None:
        response = render(request, "tenants/impersonation/invalid_link.html", status=403)
    else:
        start_session(request, operator_login)
        response = HttpResponseRedirect(reverse("admin:index"))
        set_hint_cookie(response)
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    tenant_id = current_tenant().id
    with use_tenant(PLATFORM):
        back = primary_url(reverse("admin:tenants_tenant_change", urlconf_of_active(), [tenant_id]))
    return render(request, "tenants/impersonation/logged_out.html", {"back": back})
