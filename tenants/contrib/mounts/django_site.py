"""A second Django site as a WSGI application: the project's models and settings, and a URLconf of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn, cast

from django.core.exceptions import PermissionDenied
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf

from tenants.contrib.mounts.wsgi import REQUEST

_TAKEN_ALONG = ("tenant", "session", "user", "LANGUAGE_CODE", "_messages", "_dont_enforce_csrf_checks")
"""What the project's middleware has put on the request."""


class _CheckOfForms(CsrfViewMiddleware):
    """Refuses with the project's own page, which has no addresses of the site's to link to."""

    def _reject(self, request: HttpRequest, reason: str) -> NoReturn:
        raise PermissionDenied(reason)


class DjangoSite(BaseHandler):
    """Answers below its mount with the views of `urlconf`, a module's dotted path.

    The project's middleware has run by then: session, user and language of the request are the views' as ever, and an
    error of a view becomes the page that the project has for it. Django's check of forms is repeated inside: outside it
    is for the project's own views alone.
    """

    is_of_project = True
    """It sets the project's own cookies, that of the forms for example."""

    # A handler's other hooks into middleware; there is none inside.
    _template_response_middleware: ClassVar[list[Any]] = []
    _exception_middleware: ClassVar[list[Any]] = []

    def __init__(self, urlconf: str) -> None:
        super().__init__()
        self._urlconf = urlconf
        check = _CheckOfForms(cast(Any, self)._get_response)
        self._view_middleware = [check.process_view]
        self._middleware_chain = check

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, as WSGI has it."""
        request = WSGIRequest(environ)
        request.urlconf = self._urlconf
        for name in _TAKEN_ALONG:
            if hasattr(environ[REQUEST], name):
                setattr(request, name, getattr(environ[REQUEST], name))
        with _urls_below(environ["SCRIPT_NAME"]):
            response = self.get_response(request)
        cookies = [("Set-Cookie", morsel.OutputString()) for morsel in response.cookies.values()]
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items(), *cookies])
        return cast(Iterable[bytes], response)


@contextmanager
def _urls_below(script_name: str) -> Iterator[None]:
    """Let `reverse()` find the site's own addresses, and the project's again afterwards."""
    before = get_script_prefix(), get_urlconf()
    set_script_prefix(f"{script_name}/")
    try:
        yield
    finally:
        set_script_prefix(before[0])
        set_urlconf(before[1])
