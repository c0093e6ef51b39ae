"""Tenants under a path of the platform's host: the path prefix becomes SCRIPT_NAME, cookies are renamed and scoped.

Such tenants share an origin, so the browser does not separate them. Use it for development, and for tenants that
trust each other (docs/security.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix, set_script_prefix

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.http.set_cookie import SetCookie, read_set_cookie

_WELL_KNOWN = "/.well-known/"


def path_to_route(path: str) -> str:
    """Return the path with the tenant's prefix at its beginning.

    Well-known URLs of an issuer with a path have the prefix at the end (RFC 8414 §3.1): clients request
    `/t/acme/.well-known/openid-configuration` also as `/.well-known/openid-configuration/t/acme`.
    """
    prefix = tenancy().path_prefix
    if not prefix or not path.startswith(_WELL_KNOWN):
        return path
    name, _, place = path.removeprefix(_WELL_KNOWN).partition("/")
    first, _, slug = place.removesuffix("/").partition("/")
    return f"/{first}/{slug}{_WELL_KNOWN}{name}" if first == prefix and slug and "/" not in slug else path


def set_script_name(request: HttpRequest, tenant: TenantInfo, prefix: str) -> str:
    """Move `prefix` from the path to SCRIPT_NAME, keep only this tenant's cookies, and return the whole SCRIPT_NAME.

    The whole one begins with the path under which the server has mounted the project.
    """
    script_name: str = request.META.get("SCRIPT_NAME", "").rstrip("/") + prefix
    request.META["SCRIPT_NAME"] = script_name
    request.path_info = request.path_info.removeprefix(prefix) or "/"
    request.META["PATH_INFO"] = request.path_info
    request.path = script_name + request.path_info
    own = f"{tenant.schema}."
    request.COOKIES = {name[len(own) :]: value for name, value in request.COOKIES.items() if name.startswith(own)}
    return script_name


@contextmanager
def override_script_prefix(script_name: str) -> Iterator[None]:
    """Make `reverse()` and URLs of files begin with `script_name` inside the block."""
    before = get_script_prefix()
    set_script_prefix(f"{script_name}/")
    try:
        yield
    finally:
        # Django sets it once for each request, but a test client or an enclosing one keeps what it finds.
        set_script_prefix(before)


def prefix_cookies(response: HttpResponseBase, tenant: TenantInfo, script_name: str) -> None:
    """Rename the response's cookies, so that neither the platform nor another tenant reads them as its own."""
    for name in list(response.cookies):
        morsel = response.cookies.pop(name)
        response.cookies[f"{tenant.schema}.{name}"] = morsel.value
        renamed = response.cookies[f"{tenant.schema}.{name}"]
        renamed.update({key: value for key, value in morsel.items() if value != ""})
        renamed["path"] = _path_inside(morsel["path"], script_name)
    # Cookies that code has written as headers, also those of a mounted application.
    raw = response.headers.get("Set-Cookie")
    if raw is not None:
        del response.headers["Set-Cookie"]
        if moved := _moved(raw, tenant, script_name):
            response.headers["Set-Cookie"] = str(moved)
    more: list[str] = getattr(response, "more_cookies", [])
    more[:] = [str(moved) for raw in more if (moved := _moved(raw, tenant, script_name))]


def _moved(raw: str, tenant: TenantInfo, script_name: str) -> SetCookie | None:
    cookie = read_set_cookie(raw)
    if cookie is None or cookie.has_domain:  # for another host, or ambiguous for browsers
        return None
    return cookie.moved(f"{tenant.schema}.{cookie.name}", _path_inside(cookie.path, script_name))


def _path_inside(path: str, script_name: str) -> str:
    path = path or "/"
    if not f"{path}/".startswith(f"{script_name}/"):  # a path made by reverse() is under it already
        path = script_name + path
    return path.rstrip("/")  # or the address without a slash at its end would not get the cookie


def prefix_redirects(response: HttpResponseBase, script_name: str) -> None:
    """Add the prefix to redirects to the root of the host: code that knows no prefix, such as Django's view for the
    language, means the tenant's root. URLs of `reverse()` already have it.
    """
    for name in ("Location", "Content-Location"):
        address = response.headers.get(name, "")
        is_path = address.startswith("/") and address[1:2] not in {"/", "\\"}
        if is_path and not re.match(f"{re.escape(script_name)}(?:[/?#]|$)", address):
            response.headers[name] = script_name + address
