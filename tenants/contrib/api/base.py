"""The base of every API: errors in one shape, and documents that need no other server."""

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
from tenants.contrib.api.openapi import DocsPage, describe
from tenants.contrib.api.usage import usage
from tenants.contrib.api.versions import add_version_headers, version_conflict
from tenants.http.overload import response_to_error

Refine = Callable[[dict[str, Any]], None]


def make_api(
    version: str, *, errors: ErrorStyle | None = None, refine: Refine = lambda document: None, **kwargs: Any
) -> NinjaAPI:
    """Return an API of that version ("v1"), with its docs at `docs` below wherever its `urls` are mounted.

    Errors are plain objects unless `errors` says otherwise. `refine` may change the OpenAPI document that somebody is
    about to get, for example to what is true of the active tenant. The other arguments are those of `NinjaAPI`. Its
    URL names are in the namespace `api-<version>` unless they say otherwise.
    """
    options = {"urls_namespace": f"api-{version}", "docs": DocsPage(), **kwargs}
    api = _Api(errors or PlainErrors(), refine, version=version, **options)
    answers = {Http404: _not_found, HttpError: _refused, ValidationError: _invalid, Exception: _failed}
    answers |= dict.fromkeys(_MALFORMED, _malformed)
    for error, reaction in answers.items():
        api.add_exception_handler(error, partial(reaction, api))
    return api


class _Api(NinjaAPI):
    def __init__(self, errors: ErrorStyle, refine: Refine, **kwargs: Any) -> None:
        self.errors = errors
        self._refine = refine
        super().__init__(**kwargs)

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        """The routes, and an error_response in the API's own words for every path and method that they leave out."""
        patterns, app_name, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = self._door(pattern.callback)
        # The first pattern of a path answers it, and any pattern of a name reverses it: "" stays the root's name.
        nothing = self._door(self._nothing_here)
        return [path("", nothing), *patterns, path("<path:rest>", nothing)], app_name, namespace

    def _nothing_here(self, request: HttpRequest, rest: str = "") -> HttpResponse:
        docs = self.get_root_path({}) + (self.docs_url or "").lstrip("/")
        return error_response(self.errors, request, 404, f"There is nothing at {request.path}. What there is: {docs}")

    def _door(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Return the view with what all answers of the API have in common."""
        if iscoroutinefunction(view):

            @wraps(view)
            async def async_door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                return self._finish(request, self._contradicted(request) or await view(request, *args, **kwargs))

            return async_door

        @wraps(view)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return self._finish(request, self._contradicted(request) or view(request, *args, **kwargs))

        door.csrf_exempt = True  # type: ignore[attr-defined]  # `identify` looks after it
        return door

    def _contradicted(self, request: HttpRequest) -> HttpResponse | None:
        said = version_conflict(request, self.version)
        return error_response(self.errors, request, 400, said) if said else None

    def _finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if isinstance(response, HttpResponseNotAllowed):
            response = self._not_allowed(request, response["Allow"])
        if self.version in tenancy().api_versions:
            add_version_headers(self.version, response)
            usage.count(self.version, request)
        return response

    def _not_allowed(self, request: HttpRequest, allowed: str) -> HttpResponse:
        refusal = error_response(self.errors, request, 405, f"{request.method} is not allowed here; use {allowed}.")
        refusal["Allow"] = allowed
        return refusal

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Return the name of the function, which stays when the function moves to another module."""
        return str(operation.view_func.__name__)

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> OpenAPISchema:
        """Return the API's description, as the active tenant has it."""
        prefix = self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        document = describe(self, prefix, self.errors)
        self._refine(document)
        return cast(OpenAPISchema, document)  # a dictionary is all that anybody wants of it


# Errors are Any below: Ninja's type for a handler has the error's class in it as well, which it never gives.


def _not_found(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    return error_response(api.errors, request, 404, str(error) or "There is no such thing.")


def _refused(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    more = {name: getattr(error, name) for name in ("kind", "errors") if hasattr(error, name)}
    response = error_response(api.errors, request, error.status_code, str(error), **more)
    if challenge := getattr(error, "challenge", ""):
        response["WWW-Authenticate"] = challenge
    return response


def _invalid(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    errors = [ErrorDetail(_place(one["loc"]), one["msg"], one["type"]) for one in error.errors]
    detail = "; ".join(f"{error.loc[-1]}: {error.msg}" for error in errors)
    return error_response(api.errors, request, 422, detail, errors=errors)


def _place(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    # Second is the name of the function's parameter, which nobody outside knows.
    return (loc[0], *loc[2:]) if loc[0] == "body" and len(loc) > 1 else tuple(loc)


_MALFORMED: tuple[type[Exception], ...] = (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError)
"""What Django raises of a request that cannot be read."""


def _malformed(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error, RequestDataTooBig):
        return error_response(api.errors, request, 413, "The body of the request is too large.")
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return error_response(api.errors, request, 400, f"The request has too many parameters: {most} at the most.")
    return error_response(
        api.errors, request, 400, "The request cannot be read. Look at its Content-Type and its body."
    )


def _failed(api: _Api, request: HttpRequest, error: Any) -> HttpResponse:
    if stopped := response_to_error(request, error):
        return stopped
    if settings.DEBUG:
        raise error
    # What Django does when a view raises, so that the error is in the log and its listeners hear of it.
    got_request_exception.send(sender=type(api), request=request)
    response = error_response(api.errors, request, 500, "The server failed. The error was written to its log.")
    log_response("Internal Server Error: %s", request.path, response=response, request=request, exception=error)
    return response
