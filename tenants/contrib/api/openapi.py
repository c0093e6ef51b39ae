"""What an API says of itself: its OpenAPI document, and the page to read and try it."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import get_script_prefix
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from tenants.conf import tenancy
from tenants.context import active_tenant
from tenants.contrib.api.auth import AllowAny, scope_of
from tenants.contrib.api.errors import ErrorStyle

if TYPE_CHECKING:
    from ninja.types import DictStrAny

_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or a personal API key."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": settings.SESSION_COOKIE_NAME,
        "description": "Whoever is signed in at this host. A request that writes sends the header X-CSRFToken too.",
    },
}
_REF = {"$ref": "#/components/schemas/Error"}


def describe(api: NinjaAPI, path_prefix: str, errors: ErrorStyle) -> dict[str, Any]:
    """Return the OpenAPI document of an API that answers below `path_prefix` and writes errors in that style.

    It is the active tenant's: with its name and its address.
    """
    document = deepcopy(_told_everybody(api, path_prefix, errors))
    tenant = active_tenant()
    if tenant and not tenant.is_platform:
        document["info"] |= {"title": tenant.name}
        if get_script_prefix() == "/":  # below a path of another host it is wherever it was asked
            document["servers"] = [{"url": tenancy().url_of(tenant.host, "")}]
    return document


@lru_cache(maxsize=16)
def _told_everybody(api: NinjaAPI, path_prefix: str, errors: Any) -> dict[str, Any]:
    """Return what all tenants are told. It hangs on the code alone, and to make it takes as long as twenty copies."""
    return dict(_Document(api, path_prefix, errors))


class _Document(OpenAPISchema):
    """Ninja's own, with who may do what, and with the errors."""

    def __init__(self, api: NinjaAPI, path_prefix: str, errors: ErrorStyle) -> None:
        self._errors = errors
        super().__init__(api, path_prefix)

    def operation_security(self, operation: Operation) -> list[DictStrAny] | None:
        """Return the ways to say who one is, and the scopes that a token needs."""
        guards = [guard for guard in operation.auth_callbacks if isinstance(guard, AllowAny)]
        if not guards:
            return None
        self.securitySchemes.update(_SECURITY_SCHEMES)
        scopes = sorted({scope_of(permission) for guard in guards for permission in guard.permissions})
        ways: list[DictStrAny] = [{"session": []}, {"bearer": scopes}]
        return ways if guards[0].is_required else [{}, *ways]

    def operation_details(self, operation: Operation) -> DictStrAny:
        """Return what an operation is; the permissions that it needs stand in its description."""
        details: DictStrAny = super().operation_details(operation)
        needed = [name for guard in operation.auth_callbacks for name in getattr(guard, "permissions", ())]
        if needed:
            told = f"Needs the permission {', '.join(f'`{name}`' for name in needed)}."
            details["description"] = "\n\n".join(filter(None, [details.get("description"), told]))
        return details

    def responses(self, operation: Operation) -> dict[Any, DictStrAny]:
        """Return what an operation answers, errors included."""
        found: dict[Any, DictStrAny] = super().responses(operation)
        told = {code: _error_response(text, self._errors) for code, text in _errors_of(operation).items()}
        return {**told, **found}

    def get_components(self) -> DictStrAny:
        """Return the schemas, that of an error among them."""
        self.schemas["Error"] = self._errors.schema()
        components: DictStrAny = super().get_components()
        return components


def _errors_of(operation: Operation) -> dict[Any, str]:
    """Return the errors that follow from what an operation takes, by status, and that there may be others."""
    sources = {model.__ninja_param_source__ for model in operation.models}
    headers = {name for model in operation.models if model.__ninja_param_source__ == "header" for name in _names(model)}
    errors: dict[Any, str] = {"default": "Another error"}
    if operation.auth_callbacks:
        errors |= {401: "Nobody is signed in, or the token is void", 403: "Not allowed"}
    if "path" in sources:
        errors[404] = "There is no such thing"
    if sources:
        errors[422] = "Something in the request makes no sense"
    if "body" in sources:
        errors[400] = "The body is no JSON"
    if "if_match" in headers:
        errors |= {412: "It was changed since it was read", 428: "If-Match is missing"}
    return errors


def _names(model: Any) -> set[str]:
    return set(model.model_fields)


def _error_response(text: str, errors: ErrorStyle) -> DictStrAny:
    return {"description": text, "content": {errors.media_type: {"schema": _REF}}}


class DocsPage(DocsBase):
    """Swagger UI out of this project's own static files, in a page without a script of its own."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """Return the page."""
        config = {"url": self.get_openapi_url(api, kwargs), "layout": "BaseLayout", "deepLinking": True}
        return render(request, "tenants/api/docs.html", {"api": api, "config": config})
