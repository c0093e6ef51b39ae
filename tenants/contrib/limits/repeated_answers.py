"""Answers to refused requests, kept as bytes for a second: a flood is answered without Django's middleware.

An answer is repeated once two requests with the same key have got identical ones. So headers of middleware that
differ from request to request are noticed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings
from django.http.response import HttpResponseBase

from tenants.conf import tenancy
from tenants.contrib.limits.request_bodies import REJECTION

REPEATED_SECONDS = 1.0
"""How long an answer is repeated. A rejection shows a change of the tenant, such as a suspension, so much later."""
_MOST = 1_000
_ON_REPEAT = "on_repeat"


class Answer(NamedTuple):
    """A response: status, headers and body."""

    status: str
    headers: list[tuple[str, str]]
    content: bytes
    on_repeat: list[Callable[[], object]]


class _Kept(NamedTuple):
    answer: Answer
    until: float
    is_confirmed: bool
    """Whether two requests got it."""


def allow_repeats(response: HttpResponseBase) -> None:
    """Mark a response as one that the next refused request may get too."""
    setattr(response, _ON_REPEAT, [])


def forbid_repeats(response: HttpResponseBase) -> None:
    """Remove the mark: something has to be done for each request."""
    if may_be_repeated(response):
        delattr(response, _ON_REPEAT)


def may_be_repeated(response: HttpResponseBase) -> bool:
    return hasattr(response, _ON_REPEAT)


def when_repeated(response: HttpResponseBase, do: Callable[[], object]) -> None:
    """Call `do` for each request that gets this response again, so that counters count it."""
    if may_be_repeated(response):
        getattr(response, _ON_REPEAT).append(do)


class RepeatedAnswers:
    """The answers of one WSGI application. Safe to use from many threads: each step is one of a dictionary."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[object, ...], _Kept] = {}

    def answer_to(self, environ: dict[str, Any]) -> Answer | None:
        """Return the answer to a request whose body was refused, or None if Django has to answer."""
        key = _key_of(environ)
        kept = None if key is None else self._kept.get(key)
        if kept is None or not kept.is_confirmed or kept.until < self._clock():
            return None
        for do in kept.answer.on_repeat:
            do()
        return kept.answer

    def note(self, environ: dict[str, Any], response: HttpResponseBase) -> None:
        """Keep Django's answer to a request whose body was refused, if it may be repeated."""
        key = _key_of(environ) if may_be_repeated(response) else None
        if key is None or response.cookies or response.streaming:
            return
        status = f"{response.status_code} {response.reason_phrase}"
        answer = Answer(status, list(response.items()), response.content, getattr(response, _ON_REPEAT))  # type: ignore[attr-defined]
        now, before = self._clock(), self._kept.get(key)
        is_same = before is not None and before.until >= now and before.answer[:3] == answer[:3]
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = _Kept(answer, now + REPEATED_SECONDS, is_same)


def _key_of(environ: dict[str, Any]) -> tuple[object, ...] | None:
    """Return all that a rejection depends on; None: it depends on more."""
    get = environ.get
    path: str = get("PATH_INFO", "")
    cookies: str = get("HTTP_COOKIE", "")
    for target in (get("RAW_URI", "/"), get("REQUEST_URI", "/")):
        if target[:1] != "/":
            return None  # an absolute address names a host besides the header
    return (
        environ[REJECTION],
        get("HTTP_HOST"),
        get("HTTP_X_FORWARDED_HOST"),
        get("HTTP_X_FORWARDED_PROTO"),
        get("wsgi.url_scheme"),
        get("SCRIPT_NAME"),
        get("HTTP_ACCEPT"),
        get("HTTP_ACCEPT_LANGUAGE"),
        cookies if settings.LANGUAGE_COOKIE_NAME in cookies else "",
        # A tenant may be named by the path. Else it tells a program of an API from a browser.
        path if tenancy().path_prefix else path.startswith("/api/"),
    )
