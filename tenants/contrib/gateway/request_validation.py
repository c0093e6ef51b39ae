"""Requests that two servers could understand in two ways are refused before anything is done with them.

aiohttp's parser refuses more: two lengths, bad chunks, two Hosts, line breaks and blanks where none belong.
"""

from __future__ import annotations

import re
from itertools import chain
from urllib.parse import unquote

from aiohttp import HttpVersion11, hdrs, web

from tenants.contrib.gateway.errors import Refused
from tenants.errors import InvalidHost
from tenants.hosts import host_of_header

METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
LONGEST_TARGET = 8_000
"""Characters of path and query."""
MOST_HEADERS = 100
LARGEST_HEADERS = 32 * 1024
"""Bytes of all headers together."""

_ONCE = (hdrs.AUTHORIZATION, hdrs.CONTENT_TYPE, hdrs.COOKIE, hdrs.ORIGIN, hdrs.EXPECT, hdrs.UPGRADE)
"""Headers of which one server takes the first and another the last, or joins them: they may come once."""

_RUNS = frozenset(
    [
        "audioworklet",
        "embed",
        "object",
        "paintworklet",
        "script",
        "serviceworker",
        "sharedworker",
        "style",
        "worker",
        "xslt",
    ]
)
"""What a browser wants code for (Sec-Fetch-Dest)."""

_TARGET = re.compile(r"/[!-~]*")
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:[/;]|$)")  # some servers drop what stands behind a semicolon
_TWO_WAYS = re.compile(r"[%;\\]|//")


def check_shape(request: web.BaseRequest) -> None:
    """Raise `Refused` for a request that is not plainly one thing."""
    if request.method not in METHODS:
        raise Refused(405, f"The method {request.method[:20]} is none that is passed on.", hang_up=True)
    _check_target(request.raw_path)
    _check_headers(request)


def _check_target(target: str) -> None:
    if len(target) > LONGEST_TARGET:
        raise Refused(414, f"Path and query have more than {LONGEST_TARGET} characters.", hang_up=True)
    # What is absolute names a host beside the Host header; a fragment has no place in a request.
    if not _TARGET.fullmatch(target) or "#" in target:
        raise Refused(400, "The request line takes a path, and nothing but a path and a query.", hang_up=True)
    path = unquote(target.partition("?")[0]).replace("\\", "/")
    # Where a path leads is told by its beginning, so nothing in it may lead back.
    if _DOTS.search(path) or "\0" in path:
        raise Refused(400, "The path has a segment of dots, or a NUL.", hang_up=True)


def check_runs_nowhere_else(request: web.BaseRequest) -> None:
    """Raise `Refused` where a browser asks a service of another code base for code that a page of the shop would run.

    The service's own pages are sandboxed, so that their scripts are asked for from another origin. Browsers say so
    themselves, and no page can change it (Fetch Metadata; Service Workers §4.4).
    """
    headers = request.headers
    asks_from_shop = headers.get("Sec-Fetch-Site", "").lower() == "same-origin"
    runs = headers.get("Sec-Fetch-Dest", "").lower() in _RUNS
    if "Service-Worker" in headers or (asks_from_shop and runs):
        raise Refused(403, "Pages of the shop run no code of this service.")


def as_read(path: str) -> str:
    """Return a path as it is to a server that decodes it, merges slashes and drops what is behind a semicolon.

    No prefix of paths has any of these in it, so a server that does some of it alone reads nothing beyond the two.
    """
    if not _TWO_WAYS.search(path):
        return path
    segments = unquote(path).replace("\\", "/").split("/")
    return re.sub("/+", "/", "/".join(segment.partition(";")[0] for segment in segments))


def _check_headers(request: web.BaseRequest) -> None:
    number = len(request.raw_headers)
    size = sum(map(len, chain.from_iterable(request.raw_headers))) + 4 * number
    if number > MOST_HEADERS or size > LARGEST_HEADERS:
        raise Refused(431, f"There are more than {MOST_HEADERS} headers or {LARGEST_HEADERS} bytes.", hang_up=True)
    for name in _ONCE:
        if len(request.headers.getall(name, ())) > 1:
            raise Refused(400, f"The header {name} may be sent once.", hang_up=True)
    _check_length_of_body(request)
    _check_upgrade(request)


def _check_length_of_body(request: web.BaseRequest) -> None:
    coding = request.headers.get(hdrs.TRANSFER_ENCODING)
    if coding is None:
        return
    if coding.lower() != "chunked" or hdrs.CONTENT_LENGTH in request.headers:
        raise Refused(400, "A body is chunked or has a length, and nothing else.", hang_up=True)
    if request.version < HttpVersion11:
        # HTTP/1.0 has no chunks: one server reads them, another takes them for the next request (RFC 9112 §6.1).
        raise Refused(400, "HTTP 1.0 has no chunked bodies. Send a Content-Length, or use HTTP 1.1.", hang_up=True)


def _check_upgrade(request: web.BaseRequest) -> None:
    """Raise `Refused` where the parser has stopped at a change of protocol that is not a WebSocket's handshake."""
    if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        return
    has_body = hdrs.TRANSFER_ENCODING in request.headers or (request.content_length or 0) > 0
    if request.method != "GET" or request.version < HttpVersion11 or has_body:
        raise Refused(400, "A WebSocket is opened with GET over HTTP 1.1, without a body.", hang_up=True)


def host_of(request: web.BaseRequest) -> str:
    """Return the request's host in its normal spelling; raise `Refused` if there is not just one that makes sense."""
    hosts = request.headers.getall(hdrs.HOST, [])
    try:
        if len(hosts) == 1:
            return host_of_header(hosts[0])
    except InvalidHost:
        pass
    raise Refused(400, "The Host header has to name one host.", hang_up=True)
