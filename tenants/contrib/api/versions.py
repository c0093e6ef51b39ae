"""The versions of the tenants' API: which one a request without one in its path means, and until when each is kept."""

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
    """Return the version of a request that asks for none: the tenant's own choice, else the project's."""
    own = tenant.api_version
    return own if own in tenancy().api_versions else api_settings().api_default_version


def requested_version(request: HttpRequest) -> str:
    """Return the version that header or parameter ask for, or the default; raise `APIError` for one that is not."""
    asked = {value for value in (request.headers.get(HEADER), *request.GET.getlist(PARAMETER)) if value}
    if len(asked) > 1:
        raise APIError(400, f"{HEADER} and {PARAMETER} ask for different versions. Send one of them, once.")
    version = next(iter(asked), default_version(current_tenant()))
    if version not in tenancy().api_versions:
        raise APIError(400, _unknown(version))
    return version


def version_conflict(request: HttpRequest, version: str) -> str:
    """Say, if header or parameter of a request ask for another version than its path, that they do; else nothing."""
    parameters = [(PARAMETER, asked) for asked in request.GET.getlist(PARAMETER)]
    for name, asked in ((HEADER, request.headers.get(HEADER)), *parameters):
        if asked and asked != version:
            return f"The path asks for version {version} and {name} for {asked[:20]!r}. Send one of them."
    return ""


def _unknown(version: str) -> str:
    return f"There is no version {version[:20]!r} of this API. There are {', '.join(tenancy().api_versions)}."


@csrf_exempt  # the operations look after it, as ninja's do
def dispatch_to_version(request: HttpRequest, rest: str) -> HttpResponseBase:
    """Answer `/api/…` without a version in the path as `/api/<version>/…`."""
    root = request.path_info.removesuffix(rest)
    try:
        if named := _VERSION.match(rest):
            raise APIError(404, _unknown(named[1]))
        match = resolve(f"{root}{requested_version(request)}/{rest}")
    except APIError as refused:
        response: HttpResponseBase = error_response(ProblemDetails(), request, refused.status_code, str(refused))
        add_version_headers(default_version(current_tenant()), response)
        return response
    request.resolver_match = match
    response = match.func(request, *match.args, **match.kwargs)
    patch_vary_headers(response, [HEADER])
    return response


@csrf_exempt  # it changes nothing, and says so to every other method
def list_versions(request: HttpRequest) -> HttpResponse:
    """Tell which versions there are, where their documents are, and until when they are kept."""
    if request.method not in {"GET", "HEAD"}:
        refused = error_response(ProblemDetails(), request, 405, f"{request.method} is not allowed here; use GET.")
        refused["Allow"] = "GET, HEAD"
        return refused
    return JsonResponse(
        {
            "default": default_version(current_tenant()),
            "versions": [_facts(version) for version in tenancy().api_versions],
        }
    )


def _facts(version: str) -> dict[str, Any]:
    root = reverse(f"api-{version}:api-root")
    dates = {
        "deprecated": _date_of(version, api_settings().api_deprecated),
        "sunset": _date_of(version, api_settings().api_sunset),
    }
    told = {name: day.isoformat() if day else None for name, day in dates.items()}
    return {"version": version, "url": root, "docs": f"{root}docs", "openapi": f"{root}openapi.json", **told}


def add_version_headers(version: str, response: HttpResponseBase) -> None:
    """Write the version into the headers, and what becomes of it: Deprecation (RFC 9745) and Sunset (RFC 8594)."""
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
