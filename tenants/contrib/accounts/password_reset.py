"""Pages that request a password link. Response and timing are the same for a known and an unknown address."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from tenants.context import current_tenant
from tenants.contrib.accounts.background import run_in_background
from tenants.contrib.accounts.emails import send_reset_links
from tenants.contrib.accounts.forms import AddressForm


@never_cache
def request_link(request: HttpRequest, site: Any) -> HttpResponse:
    form = AddressForm(request.POST or None)
    if form.is_valid():
        language = translation.get_language() or current_tenant().language
        # The address is looked up after the response.
        run_in_background(send_reset_links, form.cleaned_data["email"], language)
        return HttpResponseRedirect(reverse("admin:password_reset_sent"))
    return _page(request, site, "tenants/accounts/request_link.html", _("Reset your password"), form=form)


def request_sent(request: HttpRequest, site: Any) -> HttpResponse:
    return _page(request, site, "tenants/accounts/request_sent.html", _("Check your e-mail"))


def _page(request: HttpRequest, site: Any, template: str, title: Any, **context: Any) -> HttpResponse:
    return TemplateResponse(request, template, {**site.each_context(request), "title": title, **context})
