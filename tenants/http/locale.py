"""Language of a request: the visitor's choice, else the browser's, else the tenant's."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation.trans_real import get_supported_language_variant, parse_accept_lang_header

from tenants.context import TenantInfo, active_tenant


class TenantLocaleMiddleware(LocaleMiddleware):
    """Django's LocaleMiddleware, with the tenant's language as the default."""

    def process_request(self, request: HttpRequest) -> None:
        translation.activate(language_of(request, active_tenant()))
        request.LANGUAGE_CODE = translation.get_language()


def language_of(request: HttpRequest, tenant: TenantInfo | None) -> str:
    asked = [chosen] if (chosen := request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")) else []
    if accepted := request.META.get("HTTP_ACCEPT_LANGUAGE", ""):
        asked += [code for code, _ in parse_accept_lang_header(accepted)]
    for code in asked:
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue  # also for `*`, which accepts any language
    return settings.LANGUAGE_CODE if tenant is None or tenant.is_platform else tenant.language
