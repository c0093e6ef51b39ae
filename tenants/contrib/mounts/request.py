"""Request to a mounted application, and Django's response for its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from threading import Lock
from typing import Any
from wsgiref.util import is_hop_by_hop

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse

from tenants.contrib.mounts.call_limits import ResponseTimeout
from tenants.http.origin_headers import is_for_whole_host
from tenants.http.set_cookie import read_set_cookie
from tenants.settings_cache import cached_from

Headers = list[tuple[str, str]]


class SharedUse:
    """Use of a resource by several holders, here the response and the running call; ends with the last of them."""

    def __init__(self, end: Callable[[], object]) -> None:
        # Guards the count: response and call end on different threads.
        self._lock = Lock()
        self._holders = 1
        self._callbacks = [end]

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call `callback` as well when the use ends."""
        self._callbacks.append(callback)

    def hold(self) -> Callable[[], None]:
        """Add a holder; return a function that removes it, and does so once."""
        with self._lock:
            self._holders += 1
        return self.release_once()

    def release_once(self) -> Callable[[], None]:
        """Return a function that removes one holder, the first time it is called."""
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
                for callback in self._callbacks:
                    callback()

        return release


class ClientDisconnect(Future[None]):
    """Event that the client has left, set by the thread that notices it first."""

    def on_set(self, callback: Callable[[], object]) -> None:
        """Call `callback` when the client has left; at once if it has."""
        self.add_done_callback(lambda _: callback())

    def set(self) -> None:
        with suppress(InvalidStateError):  # set before
            self.set_result(None)


@dataclass(frozen=True, slots=True)
class MountRequest:
    """A request for the application at `mount` ("/backend", or "" for the whole host)."""

    request: HttpRequest
    mount: str
    use: SharedUse
    timeout: ResponseTimeout
    remote_user: str = ""
    """The user's name, where the application is for staff; else empty."""
    disconnect: ClientDisconnect = field(default_factory=ClientDisconnect)

    @property
    def script_name(self) -> str:
        """SCRIPT_NAME of the application, with the tenant's path prefix."""
        return str(self.request.META.get("SCRIPT_NAME", "")).rstrip("/") + self.mount

    @property
    def path_info(self) -> str:
        """The path within the application."""
        return self.request.path_info.removeprefix(self.mount)

    @property
    def cookies(self) -> str:
        """The Cookie header; under a path prefix the tenant's cookies only, without the prefix of their names."""
        return "; ".join(f"{name}={value}" for name, value in self.request.COOKIES.items())


class MountedResponse(StreamingHttpResponse):
    """The streamed response of a mounted application. Repeated headers are kept.

    Dropped are headers that apply to the whole host, cookies for other hosts, cookies that browsers could read in
    different ways, and cookies with the project's names, unless the application is part of the project.
    """

    def __init__(
        self, status: int, reason: str, headers: Headers, body: Iterable[bytes], *, is_of_project: bool = False
    ) -> None:
        super().__init__(body, status=status, reason=reason or None)
        del self.headers["Content-Type"]  # Django's default; an application may send none
        self._repeated: Headers = []
        self._reserved_cookies = frozenset() if is_of_project else project_cookies()
        self.more_cookies: list[str] = []
        """Set-Cookie headers that `cookies` cannot hold: one name with several paths, and unusual values."""
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
        """Keep a cookie in `cookies` if possible, where middleware sees it."""
        parsed = read_set_cookie(header)
        if parsed is None or parsed.has_domain or parsed.name in self._reserved_cookies:
            return
        cookie: SimpleCookie = SimpleCookie()
        try:
            cookie.load(header)
        except CookieError:
            cookie.clear()
        before = self.cookies.get(parsed.name)
        is_at_same_path = before is None or (before["path"] or "") == parsed.path
        if list(cookie) == [parsed.name] and is_at_same_path:
            self.cookies.update(cookie)  # of two with one name and path, browsers keep the last
        else:
            self.more_cookies.append(header)

    def items(self) -> Any:
        """Return all headers; both of Django's handlers call this."""
        return [*super().items(), *self._repeated, *(("Set-Cookie", header) for header in self.more_cookies)]


_OTHER_COOKIES = ("sangga_bypass", "operator", "messages")
"""Cookies of `tenants.http.maintenance_bypass`, `tenants.contrib.impersonation` and Django's messages."""


@cached_from("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME")
def project_cookies() -> frozenset[str]:
    """Return the names of the project's cookies."""
    own = {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME, *_OTHER_COOKIES}
    return frozenset(own | {f"__Host-{name}" for name in own} | {f"__Secure-{name}" for name in own})
