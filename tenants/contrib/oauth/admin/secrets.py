"""Page that shows a new secret once."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers


def show_secrets(
    admin: ModelAdmin[Any], request: HttpRequest, title: Any, secrets: list[tuple[Any, str]]
) -> HttpResponse:
    context = {**admin.admin_site.each_context(request), "title": title, "secrets": secrets, "opts": admin.opts}
    response = TemplateResponse(request, "oauth/admin/secrets.html", context)
    add_never_cache_headers(response)
    return response
