"""Django site as a mounted application: the project's models and settings with another URLconf."""

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

from tenants.contrib.mounts.wsgi_interface import REQUEST

_COPIED = ("tenant", "session", "user", "LANGUAGE_CODE", "_messages", "_dont_enforce_csrf_checks")
"""Attributes that the project's middleware has set on the request."""


class _CsrfCheck(CsrfViewMiddleware):
    """Refuses with the project's 403 page, which contains no URLs of this site."""

    def _reject(self, request: HttpRequest, reason: str) -> NoReturn:
        raise PermissionDenied(reason)


class DjangoSite(BaseHandler):
    """WSGI application with the views of `urlconf`, a module's dotted path.

    The project's middleware has run before: views have session, user and language, and errors of views become the
    project's error pages. The CSRF check runs again inside, since outside it applies to the project's views only.
    """

    is_of_project = True
    """Whether it may set the project's cookies, such as the CSRF cookie."""

    # Hooks of a handler into middleware, of which there is none inside.
    _template_response_middleware: ClassVar[list[Any]] = []
    _exception_middleware: ClassVar[list[Any]] = []

    def __init__(self, urlconf: str) -> None:
        super().__init__()
        self._urlconf = urlconf
        check = _CsrfCheck(cast(Any, self)._get_response)
        self._view_middleware = [check.process_view]
        self._middleware_chain = check

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one WSGI request."""
        request = WSGIRequest(environ)
        request.urlconf = self._urlconf
        for name in _COPIED:
            if hasattr(environ[REQUEST], name):
                setattr(request, name, getattr(environ[REQUEST], name))
        with _script_prefix(environ["SCRIPT_NAME"]):
            response = self.get_response(request)
        cookies = [("Set-Cookie", morsel.OutputString()) for morsel in response.cookies.values()]
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items(), *cookies])
        return cast(Iterable[bytes], response)


@contextmanager
def _script_prefix(script_name: str) -> Iterator[None]:
    """Let `reverse()` return URLs of the site, and afterwards those of the project."""
    before = get_script_prefix(), get_urlconf()
    set_script_prefix(f"{script_name}/")
    try:
        yield
    finally:
        set_script_prefix(before[0])
        set_urlconf(before[1])
