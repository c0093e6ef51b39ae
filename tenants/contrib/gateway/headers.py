"""Which headers pass the gateway. What a client may not say is taken off; what a service needs to know is put on."""

from __future__ import annotations

import re
from functools import lru_cache

from aiohttp import hdrs, web
from django.conf import settings
from multidict import CIMultiDict, CIMultiDictProxy, istr

from tenants.conf import tenancy
from tenants.contrib.observability.request_context import REQUEST_ID, SECONDS_LEFT, TRACE
from tenants.contrib.services.identity import HEADER
from tenants.http.origin_headers import is_for_whole_host
from tenants.http.set_cookie import read_set_cookie

IDENTITY = istr(HEADER)
X_FORWARDED_PREFIX = istr("X-Forwarded-Prefix")

SANDBOX = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"
"""The policy for pages of another code base: without `allow-same-origin` their origin is opaque.

Their scripts read no page, cookie or storage of the shop, send none of its cookies along, and register no service
worker.
"""

_HOP_BY_HOP = frozenset(
    """
    connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade
    http2-settings
    """.split()
)
"""Of one connection, and not of the request (RFC 9110 §7.6.1)."""

_NOT_A_CLIENTS = frozenset(
    """
    forwarded via x-real-ip true-client-ip cf-connecting-ip client-ip x-client-ip x-cluster-client-ip x-original-url
    x-rewrite-url x-original-host x-host x-http-host-override x-http-method-override x-http-method x-method-override
    remote-user x-remote-user remote-addr x-user x-user-id x-tenant x-tenant-id x-scopes x-authenticated-userid
    x-authenticated-user x-ssl-client-cert x-client-cert ssl-client-cert x-accel-redirect x-sendfile
    baggage tracestate b3 expect
    """.split()
)
_NOT_A_CLIENTS_BEGINNINGS = ("x-forwarded-", "sangga-", "x-sangga-", "x-auth-", "x-envoy-", "x-b3-")

_OUR_OWN = frozenset(name.lower() for name in (REQUEST_ID, SECONDS_LEFT, TRACE, IDENTITY, hdrs.HOST))


@lru_cache(maxsize=2_048)
def _passed_on(name: str) -> str:
    """Return a header's name in lower case if one of a request may go on to a service, else an empty string."""
    name = name.lower()
    return "" if _is_refused(name) else name


def _is_refused(name: str) -> bool:
    return (
        name in _HOP_BY_HOP
        or name in _NOT_A_CLIENTS
        or name in _OUR_OWN
        or name.startswith(_NOT_A_CLIENTS_BEGINNINGS)
        # WSGI writes both - and _ as _, so X_Forwarded_For would pass for X-Forwarded-For there.
        or "_" in name
    )


def for_service(headers: CIMultiDictProxy[str], *, runs_sangga: bool) -> CIMultiDict[str]:
    """Return what of a client's headers goes on to a service; to one of another code base nothing of who they are."""
    named = _named_by_connection(headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        lower = _passed_on(name)
        if not lower or lower in named or (not runs_sangga and lower in _secrets()):
            continue
        if lower == "referer" and not runs_sangga:
            value = _origin_of(value)
        passed.add(name, value)
    return passed


@lru_cache(maxsize=1)
def _secrets() -> frozenset[str]:
    """Return the headers that let their holder in somewhere."""
    csrf = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-").lower()
    return frozenset(["authorization", "cookie", csrf])


def _origin_of(address: str) -> str:
    """Return a referring page's address without its path: links of the shop that are secrets stand there."""
    scheme, separator, rest = address.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/" if separator else ""


def for_client(headers: CIMultiDictProxy[str], *, runs_sangga: bool) -> CIMultiDict[str]:
    """Return what of a service's headers goes back to the client.

    A service of another code base speaks for its own answers alone: it sets no cookies, which it would not get either,
    and its pages are sandboxed (`SANDBOX`).
    """
    named = _named_by_connection(headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        lower = _passed_back(name)
        if not lower or lower in named:
            continue
        if _may_say_to_client(lower, value) if runs_sangga else _may_foreign_say(lower, value):
            passed.add(name, value)
    if not runs_sangga:
        passed.add("Content-Security-Policy", SANDBOX)
        passed["X-Content-Type-Options"] = "nosniff"
    return passed


def _may_say_to_client(lower: str, value: str) -> bool:
    if lower != "set-cookie":
        return True
    cookie = read_set_cookie(value)
    return cookie is not None and not cookie.has_domain


def _may_foreign_say(lower: str, value: str) -> bool:
    if lower == "www-authenticate":  # browsers keep a password that is given for one path for the whole host
        return value.strip().lower().startswith("bearer")
    return lower != "set-cookie" and not lower.startswith("access-control-") and not is_for_whole_host(lower)


@lru_cache(maxsize=2_048)
def _passed_back(name: str) -> str:
    """Return a header's name in lower case if one of an answer may go back to a client, else an empty string."""
    name = name.lower()
    return "" if name in _HOP_BY_HOP or name.startswith(("sangga-", "x-accel-")) else name


def _named_by_connection(headers: CIMultiDictProxy[str]) -> frozenset[str]:
    """Return the further headers that a Connection header says are its own."""
    if hdrs.CONNECTION not in headers:
        return frozenset()
    words = ",".join(headers.getall(hdrs.CONNECTION)).split(",")
    # What every request needs is not taken off, whoever says so.
    return frozenset(word.strip().lower() for word in words) - {"host", "content-length", "authorization", "cookie"}


def client_of(request: web.BaseRequest) -> tuple[str, str]:
    """Return the address of the client and the scheme that it used, behind as many proxies as the settings trust."""
    proxies = tenancy().trusted_proxies
    if not proxies:
        return request.remote or "", request.scheme
    hops = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, [])).split(",")
    if len(hops) < proxies:
        return request.remote or "", request.scheme
    scheme = request.headers.get(hdrs.X_FORWARDED_PROTO, "")
    return hops[-proxies].strip(), scheme if scheme in {"http", "https"} else request.scheme
