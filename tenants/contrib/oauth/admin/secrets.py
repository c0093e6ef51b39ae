"""Showing a secret: once, on the page that answers the form, and kept nowhere."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers


def show_secrets(
    admin: ModelAdmin[Any], request: HttpRequest, title: Any, facts: list[tuple[Any, str]]
) -> HttpResponse:
    """Return the page with what is seen this once: names and values."""
    context = {**admin.admin_site.each_context(request), "title": title, "facts": facts, "opts": admin.opts}
    response = TemplateResponse(request, "oauth/admin/secrets.html", context)
    add_never_cache_headers(response)
    return response
