"""Base of an API: a NinjaAPI with error responses, version headers, usage counts and its own documents."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.utils.log import log_response
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from tenants.conf import tenancy
from tenants.contrib.api.errors import ErrorDetail, ErrorStyle, PlainErrors, error_response
from tenants.contrib.api.openapi import DocsPage, openapi_document
from tenants.contrib.api.usage import usage
from tenants.contrib.api.versions import add_version_headers, version_conflict
from tenants.http.overload import response_to_error

Refine = Callable[[dict[str, Any]], None]


def make_api(
    version: str, *, errors: ErrorStyle | None = None, refine: Refine = lambda document: None, **kwargs: Any
) -> NinjaAPI:
    """Return an API of a version ("v1"), with its documentation at `docs` below its `urls`.

    `errors` defaults to `PlainErrors()`. `refine` may change each OpenAPI document, for example for the active tenant.
    Other arguments are those of `NinjaAPI`. The URL namespace defaults to `api-<version>`.
    """
    options = {"urls_namespace": f"api-{version}", "docs": DocsPage(), **kwargs}
    api = _Api(errors or PlainErrors(), refine, version=version, **options)
    handlers = {Http404: _not_found, HttpError: _http_error, ValidationError: _invalid, Exception: _internal_error}
    handlers |= dict.fromkeys(_MALFORMED, _malformed)
    for error, handler in handlers.items():
        api.add_exception_handler(error, partial(handler, api))
    return api


class _Api(NinjaAPI):
    def __init__(self, errors: ErrorStyle, refine: Refine, **kwargs: Any) -> None:
        self.error_style = errors
        self._refine = refine
        super().__init__(**kwargs)

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        """The routes, and errors in the style of the API for all other paths and methods."""
        patterns, app_name, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = self._wrap(pattern.callback)
        # The first pattern of a path answers. Ninja's own one for "" still gives the path its name.
        not_found = self._wrap(self._not_found)
        return [path("", not_found), *patterns, path("<path:rest>", not_found)], app_name, namespace

    def _not_found(self, request: HttpRequest, rest: str = "") -> HttpResponse:
        docs = self.get_root_path({}) + (self.docs_url or "").lstrip("/")
        return self.error_response(request, 404, f"Not found: {request.path}. See the documentation at {docs}")

    def _wrap(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Return the view with the version check before it and the common headers after it."""
        if iscoroutinefunction(view):

            @wraps(view)
            async def async_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                return self._finish(request, self._check_version(request) or await view(request, *args, **kwargs))

            return async_view

        @wraps(view)
        def sync_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return self._finish(request, self._check_version(request) or view(request, *args, **kwargs))

        sync_view.csrf_exempt = True  # type: ignore[attr-defined]  # `authenticate` checks it
        return sync_view

    def _check_version(self, request: HttpRequest) -> HttpResponse | None:
        conflict = version_conflict(request, self.version)
        return self.error_response(request, 400, conflict) if conflict else None

    def _finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if isinstance(response, HttpResponseNotAllowed):
            response = self._not_allowed(request, response["Allow"])
        if self.version in tenancy().api_versions:
            add_version_headers(self.version, response)
            usage.count(self.version, request)
        return response

    def _not_allowed(self, request: HttpRequest, allowed: str) -> HttpResponse:
        response = self.error_response(request, 405, f"Method not allowed: {request.method}. Use {allowed}.")
        response["Allow"] = allowed
        return response

    def error_response(self, request: HttpRequest, status: int, detail: str, **options: Any) -> HttpResponse:
        return error_response(self.error_style, request, status, detail, **options)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        # Without the module, so that the id stays when the function moves.
        return str(operation.view_func.__name__)

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> OpenAPISchema:
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        document = openapi_document(self, prefix, self.error_style)
        self._refine(document)
        return cast(OpenAPISchema, document)  # callers use it as a dictionary


# The errors below are Any, since ninja's type of a handler takes any Exception.


def _not_found(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    return api.error_response(request, 404, str(error) or "Not found.")


def _http_error(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    more = {name: getattr(error, name) for name in ("kind", "errors") if hasattr(error, name)}
    response = api.error_response(request, error.status_code, str(error), **more)
    if challenge := getattr(error, "challenge", ""):
        response["WWW-Authenticate"] = challenge
    return response


def _invalid(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    errors = [ErrorDetail(_location(one["loc"]), one["msg"], one["type"]) for one in error.errors]
    detail = "; ".join(f"{error.loc[-1]}: {error.msg}" for error in errors)
    return api.error_response(request, 422, detail, errors=errors)


def _location(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    # The second part is the name of the parameter in the function, which clients do not know.
    return (loc[0], *loc[2:]) if loc[0] == "body" and len(loc) > 1 else tuple(loc)


_MALFORMED: tuple[type[Exception], ...] = (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError)
"""What Django raises for a request that it cannot parse."""


def _malformed(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error, RequestDataTooBig):
        return api.error_response(request, 413, "Request body too large.")
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return api.error_response(request, 400, f"Too many parameters: at most {limit} are allowed.")
    return api.error_response(request, 400, "Malformed request. Check its Content-Type and body.")


def _internal_error(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    if overloaded := response_to_error(request, error):
        return overloaded
    if settings.DEBUG:
        raise error
    # As Django does when a view raises: signal and log.
    got_request_exception.send(sender=type(api), request=request)
    response = api.error_response(request, 500, "Internal server error. It has been logged.")
    log_response("Internal Server Error: %s", request.path, response=response, request=request, exception=error)
    return response
