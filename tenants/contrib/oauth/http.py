"""Error responses, parameter checks and client authentication of the OAuth endpoints."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.generic import View
from ninja.errors import HttpError
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauthlib.common import Request

from tenants.contrib.oauth.issuer import issuer
from tenants.contrib.oauth.models import Application


def oauth_error(error: str, description: str, status: int = 400) -> JsonResponse:
    """Return an error of RFC 6749."""
    return JsonResponse({"error": error, "error_description": description}, status=status)


def token_error(error: HttpError) -> JsonResponse:
    """Return the response to an invalid token: the header of RFC 6750, and a body as in our API."""
    response = JsonResponse({"status": error.status_code, "detail": str(error)}, status=error.status_code)
    response["WWW-Authenticate"] = getattr(error, "challenge", "") or "Bearer"
    return response


def invalid_client() -> HttpResponse:
    return client_response(
        oauth_error(
            "invalid_client",
            "Client authentication failed: send the id and secret of a confidential client.",
            status=401,
        )
    )


def client_response(response: HttpResponse) -> HttpResponse:
    """Add the headers of RFC 6749, 5.1 and 5.2, to a response."""
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    if response.content:  # django-oauth-toolkit sends some errors as HTML, with unescaped parameters
        response["Content-Type"] = "application/json"
    if response.status_code == 401:
        response["WWW-Authenticate"] = f'Basic realm="{issuer()}"'
    return response


class ParameterCheckView(View):
    """Refuses NUL characters, which PostgreSQL does not store, and duplicate parameters."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        given = [request.GET, request.POST] if request.method == "POST" else [request.GET]
        for parameters in given:
            for name, values in parameters.lists():
                if any("\0" in value for value in values):
                    return client_response(oauth_error("invalid_request", "A parameter contains a NUL character."))
                # RFC 6749, 3.1 and 3.2; RFC 8707 allows several resources.
                if len(values) > 1 and name != "resource":
                    return client_response(oauth_error("invalid_request", f"Duplicate parameter: {name[:50]}."))
        return super().dispatch(request, *args, **kwargs)


def authenticated_client(request: HttpRequest) -> Application | None:
    """Return the client by the id and secret in the header or body, or None."""
    core = get_oauthlib_core()
    oauth_request = Request(*core._extract_params(request))
    if not core.server.request_validator.authenticate_client(oauth_request):
        return None
    return cast(Application, oauth_request.client)
