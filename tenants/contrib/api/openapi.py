"""OpenAPI document of an API, and its page with Swagger UI."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

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
    "bearer": {"type": "http", "scheme": "bearer", "description": "Access token or personal API key."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": settings.SESSION_COOKIE_NAME,
        "description": "Session of this host. Requests that write also need the header X-CSRFToken.",
    },
}
_REF = {"$ref": "#/components/schemas/Error"}


def openapi_document(api: NinjaAPI, path_prefix: str, errors: ErrorStyle) -> dict[str, Any]:
    """Return the OpenAPI document of an API below `path_prefix`, with the name and address of the active tenant."""
    document = deepcopy(_shared_document(api, path_prefix, errors))
    tenant = active_tenant()
    if tenant and not tenant.is_platform:
        document["info"] |= {"title": tenant.name}
        if get_script_prefix() == "/":  # below a path prefix the address is relative
            document["servers"] = [{"url": tenancy().url_of(tenant.host, "")}]
    return document


@lru_cache(maxsize=16)
def _shared_document(api: NinjaAPI, path_prefix: str, errors: Any) -> dict[str, Any]:
    # It depends on the code alone, and making it takes as long as twenty copies.
    return dict(_Document(api, path_prefix, errors))


class _Document(OpenAPISchema):
    """Ninja's document with permissions, scopes and errors."""

    def __init__(self, api: NinjaAPI, path_prefix: str, errors: ErrorStyle) -> None:
        self._errors = errors
        super().__init__(api, path_prefix)

    def operation_security(self, operation: Operation) -> list[DictStrAny] | None:
        guards = [guard for guard in operation.auth_callbacks if isinstance(guard, AllowAny)]
        if not guards:
            return None
        self.securitySchemes.update(_SECURITY_SCHEMES)
        scopes = sorted({scope_of(permission) for guard in guards for permission in guard.permissions})
        schemes: list[DictStrAny] = [{"session": []}, {"bearer": scopes}]
        return schemes if guards[0].is_required else [{}, *schemes]

    def operation_details(self, operation: Operation) -> DictStrAny:
        details: DictStrAny = super().operation_details(operation)
        needed = [name for guard in operation.auth_callbacks for name in getattr(guard, "permissions", ())]
        if needed:
            text = f"Required permissions: {', '.join(f'`{name}`' for name in needed)}."
            details["description"] = "\n\n".join(filter(None, [details.get("description"), text]))
        return details

    def responses(self, operation: Operation) -> dict[Any, DictStrAny]:
        found: dict[Any, DictStrAny] = super().responses(operation)
        content = {self._errors.media_type: {"schema": _REF}}
        errors = {code: {"description": text, "content": content} for code, text in _errors_of(operation).items()}
        return {**errors, **found}

    def get_components(self) -> DictStrAny:
        self.schemas["Error"] = self._errors.schema()
        components: DictStrAny = super().get_components()
        return components


def _errors_of(operation: Operation) -> dict[Any, str]:
    """Return descriptions of errors by status, as they follow from the parameters of an operation."""
    sources = {model.__ninja_param_source__ for model in operation.models}
    parameters = {name for model in operation.models for name in cast(Any, model).model_fields}
    errors: dict[Any, str] = {"default": "Other errors"}
    if operation.auth_callbacks:
        errors |= {401: "Not authenticated, or invalid token", 403: "Permission denied"}
    if "path" in sources:
        errors[404] = "Not found"
    if sources:
        errors[422] = "Invalid parameters or body"
    if "body" in sources:
        errors[400] = "Malformed JSON"
    if "if_match" in parameters:
        errors |= {412: "Changed since it was read", 428: "If-Match is missing"}
    return errors


class DocsPage(DocsBase):
    """Swagger UI from static files, without inline scripts."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        config = {"url": self.get_openapi_url(api, kwargs), "layout": "BaseLayout", "deepLinking": True}
        return render(request, "tenants/api/docs.html", {"api": api, "config": config})
