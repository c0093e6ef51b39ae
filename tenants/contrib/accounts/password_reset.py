"""Asking for a link that sets a new password. The answer, and the time that it takes, are the same for any address."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from tenants.context import current_tenant
from tenants.contrib.accounts.background import do_later
from tenants.contrib.accounts.emails import send_reset_links
from tenants.contrib.accounts.forms import AddressForm


@never_cache
def ask_for_link(request: HttpRequest, site: Any) -> HttpResponse:
    """Ask for an address. Whether it is anybody's is looked up when the answer has gone."""
    form = AddressForm(request.POST or None)
    if form.is_valid():
        language = translation.get_language() or current_tenant().language
        do_later(send_reset_links, form.cleaned_data["email"], language)
        return HttpResponseRedirect(reverse("admin:password_reset_sent"))
    return _page(request, site, "tenants/accounts/ask_for_link.html", _("A new password"), form=form)


def link_was_sent(request: HttpRequest, site: Any) -> HttpResponse:
    """Say that a link is on its way, if there is anybody to whom it could be."""
    return _page(request, site, "tenants/accounts/link_was_sent.html", _("Look into your mail"))


def _page(request: HttpRequest, site: Any, template: str, title: Any, **facts: Any) -> HttpResponse:
    return TemplateResponse(request, template, {**site.each_context(request), "title": title, **facts})
