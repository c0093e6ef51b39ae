"""CSRF cookie with the tenant's signature: a cookie that another host has set is ignored.

Django's cookie is an unsigned random value. A host below the same domain that can set cookies for this one (without
HTTPS and the `__Host-` prefix) could set a cookie and send a form field that match.
"""

from __future__ import annotations

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.http.base_middleware import AsyncCompatibleMiddleware, Response

_SEPARATOR = "."


class SignedCsrfCookieMiddleware(AsyncCompatibleMiddleware):
    """Place it directly before Django's CsrfViewMiddleware, which gets its own cookie unsigned, or none."""

    def __call__(self, request: HttpRequest) -> Response:
        if self.is_async:
            return self.__acall__(request)
        _unsign_cookie(request)
        return _sign_cookie(self.get_response(request))

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        _unsign_cookie(request)
        return _sign_cookie(await self.get_response(request))


def _unsign_cookie(request: HttpRequest) -> None:
    name, header = settings.CSRF_COOKIE_NAME, settings.CSRF_HEADER_NAME
    if name in request.COOKIES:
        secret = _unsigned(request.COOKIES[name])
        if secret is None:
            del request.COOKIES[name]
        else:
            request.COOKIES[name] = secret
    # Scripts read the cookie and send it in a header, as Django's documentation tells them.
    if _SEPARATOR in request.META.get(header, ""):
        request.META[header] = _unsigned(request.META[header]) or ""


def _sign_cookie(response: HttpResponseBase) -> HttpResponseBase:
    morsel = response.cookies.get(settings.CSRF_COOKIE_NAME)
    if morsel is not None and morsel.value:
        morsel.set(morsel.key, *[_signer().sign(morsel.value)] * 2)
    return response


def _unsigned(value: str) -> str | None:
    try:
        return _signer().unsign(value)
    except BadSignature:
        return None


def _signer() -> Signer:
    return Signer(salt="CSRF cookie", sep=_SEPARATOR)  # with SECRET_KEY, and so with the tenant's key
