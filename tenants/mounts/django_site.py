"""A second Django site as a WSGI application: the project's models and settings, and a URLconf of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf

from tenants.mounts.wsgi import REQUEST

_TAKEN_ALONG = ("tenant", "session", "user", "LANGUAGE_CODE", "_messages")
"""What the project's middleware has put on the request."""


class DjangoSite(BaseHandler):
    """Answers below its mount with the views of `urlconf`, a module's dotted path.

    The project's middleware has run by then: session, user and language of the request are the views' as ever, and an
    error of a view becomes the page that the project has for it.
    """

    # A handler's hooks into middleware; there is none inside.
    _view_middleware: ClassVar[list[Any]] = []
    _template_response_middleware: ClassVar[list[Any]] = []
    _exception_middleware: ClassVar[list[Any]] = []

    def __init__(self, urlconf: str) -> None:
        super().__init__()
        self._urlconf = urlconf
        self._middleware_chain = self._get_response  # type: ignore[attr-defined]  # missing in django-stubs

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
