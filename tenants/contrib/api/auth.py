"""Who calls an API, and what they may there: a user or an application, bounded by the scopes of their token.

Operations say `auth=AllowAny` or `auth=HasPermissions("goods.change_goods")`, and find the answer in `request.auth`.
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
from tenants.settings_cache import cached_from

_SAFE = frozenset(["GET", "HEAD", "OPTIONS", "TRACE"])


@dataclass(frozen=True, slots=True)
class Access:
    """Whom a request acts for, as `request.auth`."""

    user: AbstractBaseUser | AnonymousUser | None
    """None: an application that acts for itself, and may what its scopes say."""
    scopes: frozenset[str] | None = None
    """What the token is good for, of all that its user may. None: a session, which has no such bound."""
    client: str = ""
    """The application or key that a token was given to, as its owners call it; for reports."""
    client_id: str = ""
    """The id of the application that a token was given to: unlike its name, no other has it."""

    @property
    def is_authenticated(self) -> bool:
        """Whether it is anybody: no stranger."""
        return self.scopes is not None if self.user is None else self.user.is_authenticated

    def has_perm(self, permission: str) -> bool:
        """Tell whether they have a permission of Django's ("goods.change_goods"), and their token is good for it."""
        if self.scopes is not None and scope_of(permission) not in self.scopes:
            return False
        return self.is_authenticated and (self.user is None or _has_permission(self.user, permission))


def _has_permission(user: Any, permission: str) -> bool:
    return bool(user.has_perm(permission))


def scope_of(permission: str) -> str:
    """Return the scope that a token needs for a permission: `goods:read` for viewing, `goods:write` for the rest."""
    app, _, codename = permission.partition(".")
    return f"{app}:{'read' if codename.startswith('view_') else 'write'}"


class NotAuthenticated(AuthenticationError):
    """401: nobody is signed in, or the token is worth nothing here. `code` is one of RFC 6750's, for a token."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(message=reason)
        self.challenge = _challenge(error=code, error_description=reason) if code else "Bearer"


class PermissionDenied(AuthorizationError):
    """403: they are known, and may not do this. `scopes` are those that their token lacks."""

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
"""Tells whose a token is; None if it is of another kind. Raises `NotAuthenticated` for one of its kind that is void."""


@cached_from("TENANTS")
def _bearers() -> tuple[Bearer, ...]:
    return tuple(import_string(path) for path in api_settings().api_bearers)


def authenticate(request: HttpRequest) -> Access:
    """Return whom a request acts for: who its token is of, else who its session is of, else a stranger.

    Raises `NotAuthenticated` for a token that is void. A session that writes has to send the CSRF token along, as forms
    do, or `PermissionDenied` is raised: a browser sends its cookie for pages of strangers too.
    """
    if header := request.headers.get("Authorization", ""):
        return _authenticate_by_token(request, header)
    if request.method not in _SAFE and settings.SESSION_COOKIE_NAME in request.COOKIES and check_csrf(request):
        raise PermissionDenied(
            "A request with a session cookie that writes needs the CSRF token, as header X-CSRFToken."
        )
    return Access(request.user)


def _authenticate_by_token(request: HttpRequest, header: str) -> Access:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("The Authorization header has to be: Bearer, and a token or key.", "invalid_request")
    for bearer in _bearers():
        if found := bearer(request, token.strip()):
            return found
    raise NotAuthenticated("The token was not issued by this shop.", "invalid_token")


class AllowAny:
    """Lets everybody in: who it is stands in `request.auth`."""

    permissions: tuple[str, ...] = ()
    is_required = False

    def __call__(self, request: HttpRequest) -> Access:
        """Return whom the request acts for."""
        return authenticate(request)


class HasPermissions(AllowAny):
    """Lets those in who have all these permissions; without any, whoever is known."""

    is_required = True

    def __init__(self, *permissions: str) -> None:
        self.permissions = permissions

    def __call__(self, request: HttpRequest) -> Access:
        """Return whom the request acts for; raise `NotAuthenticated` or `PermissionDenied`."""
        access = authenticate(request)
        check_permissions(access, *self.permissions)
        return access


def check_permissions(access: Access, *permissions: str) -> None:
    """Raise `NotAuthenticated` for a stranger and `PermissionDenied` for whoever lacks one of the permissions."""
    if not access.is_authenticated:
        raise NotAuthenticated("Sign in, or send a token: this is not for everybody.")
    missing = [permission for permission in permissions if not access.has_perm(permission)]
    if missing:
        scopes = set() if access.scopes is None else {scope_of(one) for one in missing} - access.scopes
        raise PermissionDenied(f"This needs the permission {', '.join(missing)}.", scopes)
