"""The base of every API: one shape of errors, in JSON, and documentation that needs no other server.

An error is `{"status": 404, "detail": "a sentence"}`; 422 adds `errors`, a list of `{"loc", "msg", "type"}`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.utils.log import log_response
from ninja import NinjaAPI, Swagger
from ninja.errors import HttpError, ValidationError


def make_api(version: str, **kwargs: Any) -> NinjaAPI:
    """Return an API of that version ("v1"), with its docs at `docs` below wherever its `urls` are mounted.

    `kwargs` are those of `NinjaAPI`. Its URL names are in the namespace `api-<version>` unless they say otherwise.
    """
    options = {"urls_namespace": f"api-{version}", "docs": _Docs(), **kwargs}
    api = _Api(version=version, **options)
    answers = {Http404: _not_found, HttpError: _refused, ValidationError: _invalid, Exception: _failed}
    for error, answer in answers.items():
        api.add_exception_handler(error, partial(answer, api))
    return api


class _Api(NinjaAPI):
    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        """The routes, and a JSON answer for every path and method that they leave out."""
        patterns, app_name, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = self._refusing_in_json(pattern.callback)
        # The first pattern of a path answers it, and any pattern of a name reverses it: "" stays the root's name.
        return [path("", self._nothing_here), *patterns, path("<path:rest>", self._nothing_here)], app_name, namespace

    def _nothing_here(self, request: HttpRequest, rest: str = "") -> HttpResponse:
        docs = self.get_root_path({}) + (self.docs_url or "").lstrip("/")
        return _error(self, request, 404, f"There is nothing at {request.path}. What there is: {docs}")

    def _refusing_in_json(self, view: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
            if not isinstance(response, HttpResponseNotAllowed):
                return response
            allowed = response["Allow"]
            refusal = _error(self, request, 405, f"{request.method} is not allowed here; use {allowed}.")
            refusal["Allow"] = allowed
            return refusal

        if iscoroutinefunction(view):

            @wraps(view)
            async def async_wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                return refuse(request, await view(request, *args, **kwargs))

            return async_wrapper

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return refuse(request, view(request, *args, **kwargs))

        return wrapper


class _Docs(Swagger):
    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        # Swagger notes the address of the description on itself; with a path prefix, tenants have different ones.
        return Swagger(self.settings).render_page(request, api, **kwargs)


def _error(api: NinjaAPI, request: HttpRequest, status: int, detail: str, **more: Any) -> HttpResponse:
    return api.create_response(request, {"status": status, "detail": detail, **more}, status=status)


# Errors are Any below: Ninja's type for a handler has the error's class in it as well, which it never gives.


def _not_found(api: NinjaAPI, request: HttpRequest, error: Any) -> HttpResponse:
    return _error(api, request, 404, str(error) or "There is no such thing.")


def _refused(api: NinjaAPI, request: HttpRequest, error: Any) -> HttpResponse:
    return _error(api, request, error.status_code, str(error))


def _invalid(api: NinjaAPI, request: HttpRequest, error: Any) -> HttpResponse:
    errors = [{"loc": list(one["loc"]), "msg": one["msg"], "type": one["type"]} for one in error.errors]
    detail = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in errors)
    return _error(api, request, 422, detail, errors=errors)


def _failed(api: NinjaAPI, request: HttpRequest, error: Any) -> HttpResponse:
    if settings.DEBUG:
        raise error
    # What Django does when a view raises, so that the error is in the log and its listeners hear of it.
    got_request_exception.send(sender=type(api), request=request)
    response = _error(api, request, 500, "The server failed. The error was written to its log.")
    log_response("Internal Server Error: %s", request.path, response=response, request=request, exception=error)
    return response
