"""A request that goes to a mounted application, and Django's response for what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from http.cookies import CookieError, SimpleCookie
from threading import Lock
from typing import Any
from wsgiref.util import is_hop_by_hop

from django.conf import settings
from django.core.signals import setting_changed
from django.http import HttpRequest, StreamingHttpResponse

from tenants.contrib.mounts.call_limits import Patience
from tenants.http.origin_headers import is_for_whole_host
from tenants.http.set_cookie import read_set_cookie

Headers = list[tuple[str, str]]


class Use:
    """One request's use of an application, kept up by the response and by the work behind it until both have ended."""

    def __init__(self, end: Callable[[], object]) -> None:
        # Guards the count: response and work end on different threads.
        self._lock = Lock()
        self._holders = 1
        self._ends = [end]

    def then(self, end: Callable[[], object]) -> None:
        """Have `end` called as well when it has ended."""
        self._ends.append(end)

    def hold(self) -> Callable[[], None]:
        """Keep it up until the function that this returns was called; calling it twice is calling it once."""
        with self._lock:
            self._holders += 1
        return self.released_once()

    def released_once(self) -> Callable[[], None]:
        """Return a function that ends one hold, the first time that it is called."""
        is_held = True

        def release() -> None:
            nonlocal is_held
            with self._lock:
                if not is_held:
                    return
                is_held = False
                self._holders -= 1
                is_last = not self._holders
            if is_last:
                for end in self._ends:
                    end()

        return release


class Leaving:
    """Says that the client has gone, from the thread that notices it first."""

    def __init__(self) -> None:
        # Guards what follows: who waits for the application and who notices are different threads.
        self._lock = Lock()
        self._has_left = False
        self._then: list[Callable[[], object]] = []

    def then(self, call: Callable[[], object]) -> None:
        """Have `call` called when the client has gone; at once if it has."""
        with self._lock:
            if not self._has_left:
                self._then.append(call)
                return
        call()

    def leave(self) -> None:
        """Tell everybody who asked to be told."""
        with self._lock:
            self._has_left = True
            told, self._then = self._then, []
        for call in told:
            call()


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for the application at `mount` ("/backend", or "" for the whole host)."""

    request: HttpRequest
    mount: str
    use: Use
    patience: Patience
    remote_user: str = ""
    """Who is signed in, where the application is for staff; empty: it is not told."""
    leaving: Leaving = field(default_factory=Leaving)

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
    """The answer of a mounted application, streamed. Headers that come more than once are all kept.

    What would hold for the whole host is left out: an application speaks for its own path. So are cookies for other
    hosts, cookies of the shop's own names, unless the application is the project's, and what browsers could read in
    different ways.
    """

    def __init__(
        self, status: int, reason: str, headers: Headers, body: Iterable[bytes], *, is_of_project: bool = False
    ) -> None:
        super().__init__(body, status=status, reason=reason or None)
        del self.headers["Content-Type"]  # Django's own guess; an application may send none
        self._repeated: Headers = []
        self._not_to_set = frozenset() if is_of_project else names_of_own_cookies()
        self.more_cookies: list[str] = []
        """Set-Cookie headers not in `cookies`: one name with several paths, and values that Django does not write."""
        for name, value in headers:
            if not is_hop_by_hop(name) and not is_for_whole_host(name):
                self._add(name, value)

    def _add(self, name: str, value: str) -> None:
        if name.lower() == "set-cookie":
            self._add_cookie(value)
        elif self.has_header(name):
            self._repeated.append((name, value))
        else:
            self.headers[name] = value

    def _add_cookie(self, header: str) -> None:
        """Take a cookie in as Django keeps them, if it can, so that middleware sees it."""
        said = read_set_cookie(header)
        if said is None or said.has_domain or said.name in self._not_to_set:
            return
        cookie: SimpleCookie = SimpleCookie()
        try:
            cookie.load(header)
        except CookieError:
            cookie.clear()
        before = self.cookies.get(said.name)
        is_at_same_path = before is None or (before["path"] or "") == said.path
        if list(cookie) == [said.name] and is_at_same_path:
            self.cookies.update(cookie)  # of two with one name and path, browsers keep the last
        else:
            self.more_cookies.append(header)

    def items(self) -> Any:
        """Return every header, as both of Django's handlers ask for them."""
        return [*super().items(), *self._repeated, *(("Set-Cookie", header) for header in self.more_cookies)]


@cache
def names_of_own_cookies() -> frozenset[str]:
    """Return the names of the cookies by which the project knows visitors and their choices."""
    own = {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME, *_OF_DOORS}
    return frozenset(own | {f"__Host-{name}" for name in own} | {f"__Secure-{name}" for name in own})


_OF_DOORS = ("sangga_bypass", "operator", "messages")
"""Those of `tenants.http.maintenance_bypass`, `tenants.contrib.impersonation` and Django's messages."""


def _reload(*, setting: str, **_: object) -> None:
    if setting.endswith("_COOKIE_NAME"):
        names_of_own_cookies.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.contrib.mounts.request")
