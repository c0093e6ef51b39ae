"""Headers that pass the gateway, in both directions."""

from __future__ import annotations

import re
from functools import lru_cache

from aiohttp import hdrs, web
from django.conf import settings
from multidict import CIMultiDict, CIMultiDictProxy, istr

from tenants.conf import tenancy
from tenants.contrib.observability.request_context import REQUEST_ID, SECONDS_LEFT, TRACEPARENT
from tenants.contrib.services.identity import HEADER
from tenants.http.origin_headers import is_for_whole_host
from tenants.http.set_cookie import read_set_cookie

IDENTITY = istr(HEADER)
X_FORWARDED_PREFIX = istr("X-Forwarded-Prefix")

SANDBOX = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"
"""Content security policy for pages of another code base: without `allow-same-origin` their origin is opaque.

Their scripts read no page, cookie or storage of the shop, send none of its cookies and register no service worker.
"""

_HOP_BY_HOP = frozenset(
    """
    connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade
    http2-settings
    """.split()
)
"""Headers of one connection (RFC 9110 §7.6.1)."""

_SPOOFABLE = frozenset(
    """
    forwarded via x-real-ip true-client-ip cf-connecting-ip client-ip x-client-ip x-cluster-client-ip x-original-url
    x-rewrite-url x-original-host x-host x-http-host-override x-http-method-override x-http-method x-method-override
    remote-user x-remote-user remote-addr x-user x-user-id x-tenant x-tenant-id x-scopes x-authenticated-userid
    x-authenticated-user x-ssl-client-cert x-client-cert ssl-client-cert x-accel-redirect x-sendfile
    baggage tracestate b3 expect
    """.split()
)
"""Headers that a service might trust, although a client can send them."""
_SPOOFABLE_PREFIXES = ("x-forwarded-", "sangga-", "x-sangga-", "x-auth-", "x-envoy-", "x-b3-")

_SET_BY_GATEWAY = frozenset(name.lower() for name in (REQUEST_ID, SECONDS_LEFT, TRACEPARENT, IDENTITY, hdrs.HOST))


def request_headers(headers: CIMultiDictProxy[str], *, runs_sangga: bool) -> CIMultiDict[str]:
    """Return the client's headers for a service. One of another code base gets no credentials."""
    named = _named_by_connection(headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        lower = _passed_to_service(name)
        if not lower or lower in named or (not runs_sangga and lower in _credentials()):
            continue
        if lower == "referer" and not runs_sangga:
            value = _origin_of(value)
        passed.add(name, value)
    return passed


@lru_cache(maxsize=2_048)
def _passed_to_service(name: str) -> str:
    """Return a header's name in lower case if it may pass to a service, else an empty string."""
    name = name.lower()
    is_refused = (
        name in _HOP_BY_HOP
        or name in _SPOOFABLE
        or name in _SET_BY_GATEWAY
        or name.startswith(_SPOOFABLE_PREFIXES)
        # WSGI turns both - and _ into _, so X_Forwarded_For would become X-Forwarded-For there.
        or "_" in name
    )
    return "" if is_refused else name


@lru_cache(maxsize=1)
def _credentials() -> frozenset[str]:
    csrf = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-").lower()
    return frozenset(["authorization", "cookie", csrf])


def _origin_of(url: str) -> str:
    """Return a referrer without its path, which may be a secret link of the shop."""
    scheme, separator, rest = url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/" if separator else ""


def response_headers(headers: CIMultiDictProxy[str], *, runs_sangga: bool) -> CIMultiDict[str]:
    """Return a service's headers for the client.

    A service of another code base sets no cookies, since it would not receive them, and no header for the whole host.
    Its pages are sandboxed.
    """
    named = _named_by_connection(headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        lower = _passed_to_client(name)
        if not lower or lower in named:
            continue
        if _is_safe(lower, value) if runs_sangga else _is_safe_from_other_code(lower, value):
            passed.add(name, value)
    if not runs_sangga:
        passed.add("Content-Security-Policy", SANDBOX)
        passed["X-Content-Type-Options"] = "nosniff"
    return passed


@lru_cache(maxsize=2_048)
def _passed_to_client(name: str) -> str:
    """Return a header's name in lower case if it may pass to a client, else an empty string."""
    name = name.lower()
    return "" if name in _HOP_BY_HOP or name.startswith(("sangga-", "x-accel-")) else name


def _is_safe(lower: str, value: str) -> bool:
    if lower != "set-cookie":
        return True
    cookie = read_set_cookie(value)
    return cookie is not None and not cookie.has_domain


def _is_safe_from_other_code(lower: str, value: str) -> bool:
    if lower == "www-authenticate":  # browsers would store a password for the whole host
        return value.strip().lower().startswith("bearer")
    return lower != "set-cookie" and not lower.startswith("access-control-") and not is_for_whole_host(lower)


def _named_by_connection(headers: CIMultiDictProxy[str]) -> frozenset[str]:
    """Return the headers that a Connection header names as hop-by-hop."""
    if hdrs.CONNECTION not in headers:
        return frozenset()
    names = ",".join(headers.getall(hdrs.CONNECTION)).split(",")
    # A client must not remove headers that every request needs.
    return frozenset(name.strip().lower() for name in names) - {"host", "content-length", "authorization", "cookie"}


def get_client(request: web.BaseRequest) -> tuple[str, str]:
    """Return the address of the client and its scheme, behind as many proxies as the settings trust."""
    proxies = tenancy().trusted_proxies
    if not proxies:
        return request.remote or "", request.scheme
    hops = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, [])).split(",")
    if len(hops) < proxies:
        return request.remote or "", request.scheme
    scheme = request.headers.get(hdrs.X_FORWARDED_PROTO, "")
    return hops[-proxies].strip(), scheme if scheme in {"http", "https"} else request.scheme
