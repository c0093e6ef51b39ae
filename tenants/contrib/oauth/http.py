"""What the doors of OAuth have in common: how a request is refused, and who a client is."""

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
    """Return an error as RFC 6749 has it."""
    return JsonResponse({"error": error, "error_description": description}, status=status)


def token_error(error: HttpError) -> JsonResponse:
    """Return the answer to a request whose token will not do: RFC 6750's header, and the reason as our API has it."""
    response = JsonResponse({"status": error.status_code, "detail": str(error)}, status=error.status_code)
    response["WWW-Authenticate"] = getattr(error, "challenge", "") or "Bearer"
    return response


def invalid_client() -> HttpResponse:
    """Return the answer to a client that did not show who it is."""
    return client_response(
        oauth_error("invalid_client", "Give the id and the secret of a confidential client.", status=401)
    )


def client_response(response: HttpResponse) -> HttpResponse:
    """Return an answer to a client as RFC 6749, 5.1 and 5.2, has it: kept by no cache, and how to authenticate."""
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    if response.content:  # django-oauth-toolkit lets some errors go as HTML, with what the client has sent in them
        response["Content-Type"] = "application/json"
    if response.status_code == 401:
        response["WWW-Authenticate"] = f'Basic realm="{issuer()}"'
    return response


class ParameterCheckView(View):
    """Refuses what no parameter of OAuth may be, before django-oauth-toolkit sees it."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Refuse a parameter with a NUL in it, which PostgreSQL does not take, and one that is given twice."""
        given = [request.GET, request.POST] if request.method == "POST" else [request.GET]
        for parameters in given:
            for name, values in parameters.lists():
                if any("\0" in value for value in values):
                    return client_response(oauth_error("invalid_request", "A parameter has a NUL in it."))
                # RFC 6749, 3.1 and 3.2; RFC 8707 for the one that may be repeated.
                if len(values) > 1 and name != "resource":
                    return client_response(oauth_error("invalid_request", f"{name[:50]} is given more than once."))
        return super().dispatch(request, *args, **kwargs)


def authenticated_client(request: HttpRequest) -> Application | None:
    """Return the client whose id and secret a request has, in its header or in its body."""
    core = get_oauthlib_core()
    asked = Request(*core._extract_params(request))
    if not core.server.request_validator.authenticate_client(asked):
        return None
    return cast(Application, asked.client)
