"""Tenants under a path of the platform's host: the path is shifted, and cookies get names and paths of their own.

Such tenants share an origin, so the browser does not keep them apart; it is for development and for tenants that
trust each other. docs/security.md says what that means.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix, set_script_prefix

from tenants.context import TenantInfo


def shift(request: HttpRequest, tenant: TenantInfo, prefix: str) -> str:
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
def mounted_at(script_name: str) -> Iterator[None]:
    """Let `reverse()` and the addresses of files begin with `script_name`."""
    before = get_script_prefix()
    set_script_prefix(f"{script_name}/")
    try:
        yield
    finally:
        # Django sets it once for each request, but a test client or an enclosing one keeps what it finds.
        set_script_prefix(before)


def keep_cookies_apart(response: HttpResponseBase, tenant: TenantInfo, script_name: str) -> None:
    """Rename the response's cookies so that neither the platform nor a neighbour takes them for its own."""
    for name in list(response.cookies):
        morsel = response.cookies.pop(name)
        response.cookies[f"{tenant.schema}.{name}"] = morsel.value
        renamed = response.cookies[f"{tenant.schema}.{name}"]
        renamed.update({key: value for key, value in morsel.items() if value != ""})
        path = morsel["path"] or "/"
        if not f"{path}/".startswith(f"{script_name}/"):  # a path made by reverse() is under it already
            path = script_name + path
        renamed["path"] = path.rstrip("/")  # or the address without a slash at its end would not get the cookie
