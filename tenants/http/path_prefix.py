"""Tenants under a path of the platform's host: the path is shifted, and cookies get names and paths of their own.

Such tenants share an origin, so the browser does not keep them apart; it is for development and for tenants that
trust each other. docs/security.md says what that means.
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
    """Return a path with what names the tenant at its beginning.

    Well-known addresses of an issuer below a path have it at their end (RFC 8414 §3.1): what the tenant answers at
    `/t/acme/.well-known/openid-configuration` is asked for at `/.well-known/openid-configuration/t/acme` as well.
    """
    prefix = tenancy().path_prefix
    if not prefix or not path.startswith(_WELL_KNOWN):
        return path
    name, _, place = path.removeprefix(_WELL_KNOWN).partition("/")
    first, _, slug = place.removesuffix("/").partition("/")
    return f"/{first}/{slug}{_WELL_KNOWN}{name}" if first == prefix and slug and "/" not in slug else path


def set_script_name(request: HttpRequest, tenant: TenantInfo, prefix: str) -> str:
    """Give the application `prefix` as SCRIPT_NAME, as the WSGI standard has it, and its own cookies alone.

    Return the whole SCRIPT_NAME: the prefix, after the path at which the server has mounted the project.
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
    """Let `reverse()` and the addresses of files begin with `script_name`."""
    before = get_script_prefix()
    set_script_prefix(f"{script_name}/")
    try:
        yield
    finally:
        # Django sets it once for each request, but a test client or an enclosing one keeps what it finds.
        set_script_prefix(before)


def prefix_cookies(response: HttpResponseBase, tenant: TenantInfo, script_name: str) -> None:
    """Rename the response's cookies so that neither the platform nor a neighbour takes them for its own."""
    for name in list(response.cookies):
        morsel = response.cookies.pop(name)
        response.cookies[f"{tenant.schema}.{name}"] = morsel.value
        renamed = response.cookies[f"{tenant.schema}.{name}"]
        renamed.update({key: value for key, value in morsel.items() if value != ""})
        renamed["path"] = _path_inside(morsel["path"], script_name)
    # What code has written as a header, and what a mounted application sends beyond Django's cookies.
    raw = response.headers.get("Set-Cookie")
    if raw is not None:
        del response.headers["Set-Cookie"]
        if moved := _moved(raw, tenant, script_name):
            response.headers["Set-Cookie"] = str(moved)
    more: list[str] = getattr(response, "more_cookies", [])
    more[:] = [str(moved) for raw in more if (moved := _moved(raw, tenant, script_name))]


def _moved(raw: str, tenant: TenantInfo, script_name: str) -> SetCookie | None:
    cookie = read_set_cookie(raw)
    if cookie is None or cookie.has_domain:  # another host's, or what browsers read in different ways
        return None
    return cookie.moved(f"{tenant.schema}.{cookie.name}", _path_inside(cookie.path, script_name))


def _path_inside(path: str, script_name: str) -> str:
    path = path or "/"
    if not f"{path}/".startswith(f"{script_name}/"):  # a path made by reverse() is under it already
        path = script_name + path
    return path.rstrip("/")  # or the address without a slash at its end would not get the cookie


def prefix_redirects(response: HttpResponseBase, script_name: str) -> None:
    """Lead redirects to the root of the host to the tenant's own: code that knows no prefix means that one.

    Django's view for the language is one; `reverse()` has the prefix in its addresses already.
    """
    for name in ("Location", "Content-Location"):
        address = response.headers.get(name, "")
        is_path = address.startswith("/") and address[1:2] not in {"/", "\\"}
        if is_path and not re.match(f"{re.escape(script_name)}(?:[/?#]|$)", address):
            response.headers[name] = script_name + address
