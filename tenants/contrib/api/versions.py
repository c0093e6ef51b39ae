"""Versions of the tenants' API: default, choice by header or parameter, deprecation and sunset."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import resolve, reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from tenants.conf import tenancy
from tenants.context import TenantInfo, current_tenant
from tenants.contrib.api.conf import api_settings
from tenants.contrib.api.errors import APIError, ProblemDetails, error_response

HEADER = "X-API-Version"
PARAMETER = "api_version"
_VERSION = re.compile(r"(v\d+)(?:/|$)")


def default_version(tenant: TenantInfo) -> str:
    """Return the version for requests without one: the tenant's, otherwise the project's."""
    own = tenant.api_version
    return own if own in tenancy().api_versions else api_settings().api_default_version


def requested_version(request: HttpRequest) -> str:
    """Return the version in the header or parameter, or the default; raise `APIError` for an unknown one."""
    given = {value for value in (request.headers.get(HEADER), *request.GET.getlist(PARAMETER)) if value}
    if len(given) > 1:
        raise APIError(400, f"Conflicting API versions in {HEADER} and {PARAMETER}. Send one of them, once.")
    version = next(iter(given), default_version(current_tenant()))
    if version not in tenancy().api_versions:
        raise APIError(400, _unknown_version(version))
    return version


def version_conflict(request: HttpRequest, version: str) -> str:
    """Return an error text if header or parameter name another version than the path, otherwise ''."""
    parameters = [(PARAMETER, asked) for asked in request.GET.getlist(PARAMETER)]
    for name, asked in ((HEADER, request.headers.get(HEADER)), *parameters):
        if asked and asked != version:
            return f"Conflicting API versions: {version} in the path, {asked[:20]!r} in {name}. Send one of them."
    return ""


def _unknown_version(version: str) -> str:
    return f"Unknown API version {version[:20]!r}. Use one of {', '.join(tenancy().api_versions)}."


@csrf_exempt  # the operations check it
def dispatch_to_version(request: HttpRequest, rest: str) -> HttpResponseBase:
    """Call the view of `/api/<version>/…` for a path `/api/…` without a version."""
    root = request.path_info.removesuffix(rest)
    try:
        if named := _VERSION.match(rest):
            raise APIError(404, _unknown_version(named[1]))
        match = resolve(f"{root}{requested_version(request)}/{rest}")
    except APIError as refused:
        response: HttpResponseBase = error_response(ProblemDetails(), request, refused.status_code, str(refused))
        add_version_headers(default_version(current_tenant()), response)
        return response
    request.resolver_match = match
    response = match.func(request, *match.args, **match.kwargs)
    patch_vary_headers(response, [HEADER])
    return response


@csrf_exempt  # it changes nothing; POST gets 405 and not 403
def list_versions(request: HttpRequest) -> HttpResponse:
    """Return the versions with their documents and their dates of deprecation and sunset."""
    if request.method not in {"GET", "HEAD"}:
        refused = error_response(ProblemDetails(), request, 405, f"Method not allowed: {request.method}. Use GET.")
        refused["Allow"] = "GET, HEAD"
        return refused
    return JsonResponse(
        {
            "default": default_version(current_tenant()),
            "versions": [_description(version) for version in tenancy().api_versions],
        }
    )


def _description(version: str) -> dict[str, Any]:
    root = reverse(f"api-{version}:api-root")
    dates = {
        "deprecated": _date_of(version, api_settings().api_deprecated),
        "sunset": _date_of(version, api_settings().api_sunset),
    }
    formatted = {name: day.isoformat() if day else None for name, day in dates.items()}
    return {"version": version, "url": root, "docs": f"{root}docs", "openapi": f"{root}openapi.json", **formatted}


def add_version_headers(version: str, response: HttpResponseBase) -> None:
    """Add `X-API-Version`, and Deprecation (RFC 9745), Sunset (RFC 8594) and Link where they apply."""
    response[HEADER] = version
    config, newest = api_settings(), tenancy().api_versions[-1]
    if deprecated := _date_of(version, config.api_deprecated):
        response["Deprecation"] = f"@{_timestamp(deprecated)}"
    if sunset := _date_of(version, config.api_sunset):
        response["Sunset"] = http_date(_timestamp(sunset))
    if (deprecated or sunset) and version != newest:
        newest = reverse(f"api-{newest}:api-root")
        links = [response["Link"]] if "Link" in response else []
        response["Link"] = ", ".join([*links, f'<{newest}>; rel="successor-version"'])


def _date_of(version: str, dates: tuple[str, ...]) -> date | None:
    """Return the date of a version in a list such as `["v1=2027-01-01"]`."""
    found = dict(entry.split("=") for entry in dates).get(version)
    return date.fromisoformat(found) if found else None


def _timestamp(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
