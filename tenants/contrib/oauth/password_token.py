"""A token for a user's name and password, for programs of the shop's own; and a view that shows what one is good for.

As readers of FastAPI's tutorial know them: `POST /api/token` with a form, `GET /api/protected` with what it gave.
"""

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
"""The client id in tokens that nobody's client asked for."""

_LONGEST_NAME = 255
"""What the log of failed logins holds, and more than a name of Django's users has."""
_INCORRECT = "Incorrect username or password"


@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(never_cache, name="dispatch")
@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class PasswordToken(ParameterCheckView):
    """Gives a token for `username` and `password` in a form; `scope` asks for less than everything.

    Who has a second factor gives its code as `otp`.
    """

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer a program."""
        given = request.POST
        if given.get("grant_type", "password") != "password":
            return oauth_error("unsupported_grant_type", "This address takes a name and a password alone.")
        missing = [name for name in ("username", "password") if not given.get(name)]
        if missing:
            return JsonResponse({"status": 422, "detail": f"Give, as a form: {', '.join(missing)}."}, status=422)
        scopes = given.get("scope", "").split() or list(api_scopes())
        if unknown := set(scopes) - set(api_scopes()):
            return oauth_error("invalid_scope", f"This shop has no scope {', '.join(sorted(unknown))}.")
        if len(given["username"]) > _LONGEST_NAME:  # no user has it, and what notes failed logins has no room for it
            return token_error(NotAuthenticated(_INCORRECT))
        with hashing_slot(request):
            user = authenticate(request, username=given["username"], password=given["password"])
        if user is None or is_operator_account(user):
            return token_error(NotAuthenticated(_INCORRECT))
        if not accepts_code(user, given.get("otp", "")):
            return token_error(NotAuthenticated("This account signs in with a second factor: give its code as `otp`"))
        return JsonResponse(_token_for(user, scopes))


def _token_for(user: AbstractBaseUser, scopes: list[str]) -> dict[str, object]:
    jti, lifetime = uuid.uuid4(), access_token_lifetime()
    token = create_access_token(jti, client_id=FIRST_PARTY, user_id=user.pk, scopes=scopes, lifetime=lifetime)
    row = AccessToken(user=user, jti=jti, scope=" ".join(scopes), expires=timezone.now() + lifetime)
    row.remember(token)
    row.save()
    return {
        "access_token": token,
        "token_type": "bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": row.scope,
    }


@require_safe
def protected(request: HttpRequest) -> HttpResponse:
    """Tell whose token it is, or why it is none."""
    try:
        access = authenticate_by_token(request)
        if access.user is None:
            raise NotAuthenticated("The client acts for nobody but itself.", INVALID_TOKEN)
        body = {
            "username": access.user.get_username(),
            "shop": current_tenant().slug,
            "scopes": sorted(access.scopes),
        }
        return JsonResponse(body)
    except HttpError as refused:
        return token_error(refused)
