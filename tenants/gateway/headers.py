"""Which headers pass the gateway. What a client may not say is taken off; what a service needs to know is put on."""

from __future__ import annotations

from functools import lru_cache

from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy, istr

from tenants.conf import tenancy
from tenants.services.calls import REQUEST_ID, SECONDS_LEFT, TRACE
from tenants.services.identity import HEADER

IDENTITY = istr(HEADER)
X_FORWARDED_PREFIX = istr("X-Forwarded-Prefix")

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


def for_service(headers: CIMultiDictProxy[str], *, with_cookies: bool, with_token: bool) -> CIMultiDict[str]:
    """Return what of a client's headers goes on to a service."""
    named = _named_by_connection(headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        lower = _passed_on(name)
        if not lower or lower in named:
            continue
        if (lower == "cookie" and not with_cookies) or (lower == "authorization" and not with_token):
            continue
        passed.add(name, value)
    return passed


def for_client(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Return what of a service's headers goes back to the client."""
    named = _named_by_connection(headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        if (lower := _passed_back(name)) and lower not in named:
            passed.add(name, value)
    return passed


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
