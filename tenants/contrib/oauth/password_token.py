"""Tokens for name and password at `/api/token`, and `/api/protected`, as in the tutorial of FastAPI."""

from __future__ import annotations

import uuid

from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe
from ninja.errors import HttpError

from tenants.context import current_tenant
from tenants.contrib.accounts.otp import accepts_code
from tenants.contrib.api.auth import NotAuthenticated
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.contrib.limits.password_hashers import hashing_slot
from tenants.contrib.oauth.bearer import INVALID_TOKEN, authenticate_by_token
from tenants.contrib.oauth.http import ParameterCheckView, oauth_error, token_error
from tenants.contrib.oauth.lifetimes import access_token_lifetime
from tenants.contrib.oauth.models import AccessToken
from tenants.contrib.oauth.scopes import api_scopes
from tenants.contrib.oauth.tokens import create_access_token

FIRST_PARTY = "first-party"
"""The client id of such tokens."""

_MAX_NAME_LENGTH = 255
"""Size of the column for names in the log of failed logins; names of users are shorter."""
_INCORRECT = "Incorrect username or password."


@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(never_cache, name="dispatch")
@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class PasswordToken(ParameterCheckView):
    """Token endpoint for a form with `username` and `password`, and optionally `scope` and `otp`."""

    def post(self, request: HttpRequest) -> HttpResponse:
        form = request.POST
        if form.get("grant_type", "password") != "password":
            return oauth_error("unsupported_grant_type", "Only grant_type=password is supported here.")
        missing = [name for name in ("username", "password") if not form.get(name)]
        if missing:
            return JsonResponse({"status": 422, "detail": f"Missing form fields: {', '.join(missing)}."}, status=422)
        scopes = form.get("scope", "").split() or list(api_scopes())
        if unknown := set(scopes) - set(api_scopes()):
            return oauth_error("invalid_scope", f"Unknown scopes: {', '.join(sorted(unknown))}.")
        if len(form["username"]) > _MAX_NAME_LENGTH:  # it does not fit into the log of failed logins
            return token_error(NotAuthenticated(_INCORRECT))
        with hashing_slot(request):
            user = authenticate(request, username=form["username"], password=form["password"])
        if user is None or is_operator_account(user):
            return token_error(NotAuthenticated(_INCORRECT))
        if not accepts_code(user, form.get("otp", "")):
            return token_error(NotAuthenticated("Two-factor authentication required: send the code as `otp`."))
        return JsonResponse(_token_for(user, scopes))


def _token_for(user: AbstractBaseUser, scopes: list[str]) -> dict[str, object]:
    jti, lifetime = uuid.uuid4(), access_token_lifetime()
    token = create_access_token(jti, client_id=FIRST_PARTY, user_id=user.pk, scopes=scopes, lifetime=lifetime)
    row = AccessToken(user=user, jti=jti, scope=" ".join(scopes), expires=timezone.now() + lifetime)
    row.set_token(token)
    row.save()
    return {
        "access_token": token,
        "token_type": "bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": row.scope,
    }


@require_safe
def protected(request: HttpRequest) -> HttpResponse:
    """Return the user and scopes of a token, or why it is invalid."""
    try:
        access = authenticate_by_token(request)
        if access.user is None:
            raise NotAuthenticated("The token has no user: its client acts for itself.", INVALID_TOKEN)
        body = {
            "username": access.user.get_username(),
            "shop": current_tenant().slug,
            "scopes": sorted(access.scopes),
        }
        return JsonResponse(body)
    except HttpError as refused:
        return token_error(refused)
