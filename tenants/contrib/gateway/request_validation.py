"""Request validation: refuses requests that two servers could interpret differently (request smuggling).

aiohttp's parser refuses others: two lengths, invalid chunks, two Host headers, stray line breaks and blanks.
"""

from __future__ import annotations

import re
from itertools import chain
from urllib.parse import unquote

from aiohttp import HttpVersion11, hdrs, web

from tenants.contrib.gateway.errors import GatewayError
from tenants.errors import InvalidHost
from tenants.hosts import authority_of, host_of_header

METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
MAX_TARGET = 8_000
"""Characters of path and query."""
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
"""Bytes of all headers together."""

_SINGLE = (hdrs.AUTHORIZATION, hdrs.CONTENT_TYPE, hdrs.COOKIE, hdrs.ORIGIN, hdrs.EXPECT, hdrs.UPGRADE)
"""Headers that may come once: of two, servers take the first, the last, or join them."""

_ACTIVE_CONTENT = frozenset(
    "audioworklet embed object paintworklet script serviceworker sharedworker style worker xslt".split()
)
"""Values of Sec-Fetch-Dest for what a browser executes."""

_TARGET = re.compile(r"/[!-~]*")
_DOT_SEGMENT = re.compile(r"(?:^|/)\.{1,2}(?:[/;]|$)")  # some servers drop what follows a semicolon
_NEEDS_DECODING = re.compile(r"[%;\\]|//")


def validated_host(request: web.BaseRequest) -> str:
    """Return the normalized host of a request; raise `GatewayError` if the request is invalid or ambiguous."""
    if request.method not in METHODS:
        raise GatewayError(405, f"Method {request.method[:20]} is not supported.", close_connection=True)
    _check_target(request.raw_path)
    _check_headers(request)
    _check_body_length(request)
    _check_upgrade(request)
    return _host(request)


def is_websocket(request: web.BaseRequest) -> bool:
    if request.method != "GET" or request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        return False
    tokens = request.headers.get(hdrs.CONNECTION, "").lower().split(",")
    return "upgrade" in (token.strip() for token in tokens)


def reject_active_content(request: web.BaseRequest) -> None:
    """Raise `GatewayError` where a page of the shop loads code from a service of another code base.

    Pages of that service are sandboxed, so their requests come from another origin. Browsers set these headers
    themselves; no page can change them (Fetch Metadata; Service Workers §4.4).
    """
    headers = request.headers
    is_same_origin = headers.get("Sec-Fetch-Site", "").lower() == "same-origin"
    is_active = headers.get("Sec-Fetch-Dest", "").lower() in _ACTIVE_CONTENT
    if "Service-Worker" in headers or (is_same_origin and is_active):
        raise GatewayError(403, "Pages of the shop may not load scripts, styles or workers of this service.")


def decoded_path(path: str) -> str:
    """Return a path as a server reads it that decodes it, merges slashes and drops what follows a semicolon.

    No path prefix contains such characters, so a server that does only part of this reads one of the two paths.
    """
    if not _NEEDS_DECODING.search(path):
        return path
    segments = unquote(path).replace("\\", "/").split("/")
    return re.sub("/+", "/", "/".join(segment.partition(";")[0] for segment in segments))


def _check_target(target: str) -> None:
    if len(target) > MAX_TARGET:
        raise GatewayError(414, f"Path and query exceed {MAX_TARGET} characters.", close_connection=True)
    # An absolute URL names a second host; a fragment is not part of a request.
    if not _TARGET.fullmatch(target) or "#" in target:
        raise GatewayError(400, "Invalid request line: send a path, optionally with a query.", close_connection=True)
    path = unquote(target.partition("?")[0]).replace("\\", "/")
    # The start of a path decides where it leads, so no segment may lead back.
    if _DOT_SEGMENT.search(path) or "\0" in path:
        raise GatewayError(400, "The path contains a dot segment or a NUL character.", close_connection=True)


def _check_headers(request: web.BaseRequest) -> None:
    number = len(request.raw_headers)
    size = sum(map(len, chain.from_iterable(request.raw_headers))) + 4 * number
    if number > MAX_HEADERS or size > MAX_HEADER_BYTES:
        detail = f"The headers exceed {MAX_HEADERS} lines or {MAX_HEADER_BYTES} bytes."
        raise GatewayError(431, detail, close_connection=True)
    for name in _SINGLE:
        if len(request.headers.getall(name, ())) > 1:
            raise GatewayError(400, f"The header {name} is repeated. Send it once.", close_connection=True)


def _check_body_length(request: web.BaseRequest) -> None:
    encoding = request.headers.get(hdrs.TRANSFER_ENCODING)
    if encoding is None:
        return
    if encoding.lower() != "chunked" or hdrs.CONTENT_LENGTH in request.headers:
        detail = "Send either Content-Length or Transfer-Encoding: chunked."
        raise GatewayError(400, detail, close_connection=True)
    if request.version < HttpVersion11:
        # One server reads the chunks, another takes them for the next request (RFC 9112 §6.1).
        detail = "HTTP 1.0 has no chunked bodies. Send Content-Length, or use HTTP 1.1."
        raise GatewayError(400, detail, close_connection=True)


def _check_upgrade(request: web.BaseRequest) -> None:
    """Raise `GatewayError` for an upgrade that the parser accepted although it is not a WebSocket handshake."""
    if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        return
    has_body = hdrs.TRANSFER_ENCODING in request.headers or (request.content_length or 0) > 0
    if request.method != "GET" or request.version < HttpVersion11 or has_body:
        detail = "Invalid WebSocket handshake: send GET over HTTP 1.1 without a body."
        raise GatewayError(400, detail, close_connection=True)


def _host(request: web.BaseRequest) -> str:
    hosts = request.headers.getall(hdrs.HOST, [])
    origin = request.headers.get(hdrs.ORIGIN)
    # Browsers send cookies with the WebSockets of any page.
    if origin is not None and is_websocket(request) and authority_of(origin) != ",".join(hosts).lower():
        raise GatewayError(403, "Only pages of the same host may open a WebSocket.")
    try:
        if len(hosts) == 1:
            return host_of_header(hosts[0])
    except InvalidHost:
        pass
    raise GatewayError(400, "Send one valid Host header.", close_connection=True)
