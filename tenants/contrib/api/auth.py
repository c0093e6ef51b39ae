"""Authentication and permissions of API requests, by bearer token or session.

Operations say `auth=AllowAny()` or `auth=HasPermissions("goods.change_goods")` and read the `Access` in `request.auth`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.module_loading import import_string
from ninja.errors import AuthenticationError, AuthorizationError
from ninja.utils import check_csrf

from tenants.contrib.api.conf import api_settings

_SAFE = frozenset(["GET", "HEAD", "OPTIONS", "TRACE"])


@dataclass(frozen=True, slots=True)
class Access:
    """The user or application that a request acts for, as `request.auth`."""

    user: AbstractBaseUser | AnonymousUser | None
    """None: an application that acts for itself; its scopes are its permissions."""
    scopes: frozenset[str] | None = None
    """Scopes of the token, which limit the user's permissions. None: a session, which has no scopes."""
    client: str = ""
    """Name of the application or API key of the token, for reports."""
    client_id: str = ""
    """Id of the application of the token; unlike its name it is unique."""

    @property
    def is_authenticated(self) -> bool:
        return self.scopes is not None if self.user is None else self.user.is_authenticated

    def has_perm(self, permission: str) -> bool:
        """Return whether the user has a permission ("goods.change_goods") and the scopes of the token include it."""
        if self.scopes is not None and scope_of(permission) not in self.scopes:
            return False
        user: Any = self.user
        return self.is_authenticated and (user is None or bool(user.has_perm(permission)))


def scope_of(permission: str) -> str:
    """Return the scope of a permission: `goods:read` for `goods.view_…`, `goods:write` for all others of `goods`."""
    app, _, codename = permission.partition(".")
    return f"{app}:{'read' if codename.startswith('view_') else 'write'}"


class NotAuthenticated(AuthenticationError):
    """401: no session and no token, or an invalid token. `code` is an error code of RFC 6750."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(message=reason)
        self.challenge = _challenge(error=code, error_description=reason) if code else "Bearer"


class PermissionDenied(AuthorizationError):
    """403: a permission is missing. `scopes` are those that the token lacks."""

    def __init__(self, reason: str, scopes: Iterable[str] = ()) -> None:
        super().__init__(message=reason)
        lacking = " ".join(sorted(scopes))
        self.challenge = _challenge(error="insufficient_scope", scope=lacking) if lacking else ""


def _challenge(**parts: str) -> str:
    quoted = [f'{name}="{_header_text(value)}"' for name, value in parts.items()]
    return f"Bearer {', '.join(quoted)}"


def _header_text(text: str) -> str:
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in text)


Bearer = Callable[[HttpRequest, str], "Access | None"]
"""Returns the access of a token, or None for another kind of token; raises `NotAuthenticated` for an invalid one."""


def authenticate(request: HttpRequest) -> Access:
    """Return the access by the token of a request, or else by its session, which may be anonymous.

    Raises `NotAuthenticated` for an invalid token, and `PermissionDenied` for a session that writes without the CSRF
    token.
    """
    if header := request.headers.get("Authorization", ""):
        return _authenticate_by_token(request, header)
    if request.method not in _SAFE and settings.SESSION_COOKIE_NAME in request.COOKIES and check_csrf(request):
        raise PermissionDenied("CSRF token missing or wrong. Send it in the header X-CSRFToken with a session cookie.")
    return Access(request.user)


def _authenticate_by_token(request: HttpRequest, header: str) -> Access:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated(
            "Malformed Authorization header. Send: Bearer, a space, and a token or API key.", "invalid_request"
        )
    for path in api_settings().api_bearers:
        bearer: Bearer = import_string(path)
        if found := bearer(request, token.strip()):
            return found
    raise NotAuthenticated("The token was not issued by this shop.", "invalid_token")


class AllowAny:
    """Anonymous requests are allowed."""

    permissions: tuple[str, ...] = ()
    is_required = False

    def __call__(self, request: HttpRequest) -> Access:
        return authenticate(request)


class HasPermissions(AllowAny):
    """All of these permissions are required; without any, authentication alone."""

    is_required = True

    def __init__(self, *permissions: str) -> None:
        self.permissions = permissions

    def __call__(self, request: HttpRequest) -> Access:
        access = authenticate(request)
        check_permissions(access, *self.permissions)
        return access


def check_permissions(access: Access, *permissions: str) -> None:
    """Raise `NotAuthenticated` for anonymous access, `PermissionDenied` if one of the permissions is missing."""
    if not access.is_authenticated:
        raise NotAuthenticated("Authentication required: sign in or send a bearer token.")
    missing = [permission for permission in permissions if not access.has_perm(permission)]
    if missing:
        scopes = set() if access.scopes is None else {scope_of(one) for one in missing} - access.scopes
        raise PermissionDenied(f"Permission required: {', '.join(missing)}.", scopes)
