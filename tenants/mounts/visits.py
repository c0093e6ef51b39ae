"""A request that goes to a mounted application, and Django's response for what comes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from wsgiref.util import is_hop_by_hop

from django.http import HttpRequest, StreamingHttpResponse

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for the application at `mount` ("/backend", or "" for the whole host)."""

    request: HttpRequest
    mount: str
    remote_user: str = ""
    """Who is signed in, where the application is for staff; empty: it is not told."""

    @property
    def script_name(self) -> str:
        """Where the application is: a tenant's path prefix included."""
        return str(self.request.META.get("SCRIPT_NAME", "")).rstrip("/") + self.mount

    @property
    def path_info(self) -> str:
        """The rest of the path, which is the application's own."""
        return self.request.path_info.removeprefix(self.mount)

    @property
    def cookies(self) -> str:
        """The Cookie header: under a path prefix the tenant's own alone, without the name that keeps them apart."""
        return "; ".join(f"{name}={value}" for name, value in self.request.COOKIES.items())


class MountedResponse(StreamingHttpResponse):
    """The answer of a mounted application, streamed. Headers that come more than once are all kept."""

    def __init__(self, status: int, reason: str, headers: Headers, body: Iterable[bytes]) -> None:
        super().__init__(body, status=status, reason=reason or None)
        del self.headers["Content-Type"]  # Django's own guess; an application may send none
        self._repeated: Headers = []
        for name, value in headers:
            if not is_hop_by_hop(name):
                self._add(name, value)

    def _add(self, name: str, value: str) -> None:
        if name.lower() == "set-cookie" and self._add_cookie(value):
            return
        if self.has_header(name) or name.lower() == "set-cookie":
            self._repeated.append((name, value))
        else:
            self.headers[name] = value

    def _add_cookie(self, value: str) -> bool:
        """Take a cookie in as Django keeps them, so that middleware sees it; return False for what it cannot read."""
        cookie: SimpleCookie = SimpleCookie()
        try:
            cookie.load(value)
        except CookieError:
            return False
        if len(cookie) != 1 or cookie.keys() & self.cookies.keys():
            return False
        self.cookies.update(cookie)
        return True

    def items(self) -> Any:
        """Return every header, as both of Django's handlers ask for them."""
        return [*super().items(), *self._repeated]
