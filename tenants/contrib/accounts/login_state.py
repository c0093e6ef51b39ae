"""Between the two steps of signing in: who has given the right password, and not yet the code."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import django_otp
from django.contrib.auth import BACKEND_SESSION_KEY, get_user_model, login
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from tenants.contrib.accounts import otp as second_factor

ADMIN_PAGES = ("admin:second_step", "admin:second_factor_set_up")

_BEGUN = "signing_in"
_REPLACES = "replaces_second_factor"
_SECONDS = 300
"""How long the second step may take, and setting up another phone."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The first step of a login."""

    user: Any
    target: str
    """Where to go afterwards."""


def take_first_step(request: HttpRequest, user: Any, target: str, *, pages: tuple[str, str] = ADMIN_PAGES) -> str:
    """Sign in a user whose password was right, or keep that in the session for the second step; return where to go.

    `pages` are the names of two addresses: where the code is asked for, and where a second factor is set up.

    Until that is done the session is nobody's, to whatever a session is good for.
    """
    has_one = second_factor.has_second_factor(user)
    if not has_one and not (user.is_staff and second_factor.is_required()):
        finish(request, user)
        return target
    request.session[_BEGUN] = {
        "user": user._meta.pk.value_to_string(user),
        "backend": user.backend,
        "password": user.get_session_auth_hash(),
        "target": target,
        "until": time.time() + _SECONDS,
    }
    return reverse(pages[0] if has_one else pages[1])


def begun(request: HttpRequest) -> Begun | None:
    """Return the login that was begun in this session; None if there is none, or it took too long."""
    kept = request.session.get(_BEGUN)
    if kept is None or kept["until"] < time.time():
        return None
    user: Any = get_user_model()._default_manager.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(kept["password"], user.get_session_auth_hash()):
        return None  # switched off, or another password, in the meantime
    user.backend = kept["backend"]
    return Begun(user, kept["target"])


def finish(request: HttpRequest, user: Any, device: Any = None) -> None:
    """Sign the user in, `device` having shown that it is they; the session gets another key."""
    request.session.pop(_BEGUN, None)
    request.session.pop(_REPLACES, None)
    login(request, user, backend=getattr(user, "backend", None) or request.session[BACKEND_SESSION_KEY])
    if device is not None:
        django_otp.login(request, device)


def let_replace(request: HttpRequest) -> None:
    """Let whoever has just shown their second factor set up another one in its place, for some minutes."""
    request.session[_REPLACES] = time.time() + _SECONDS


def may_replace(request: HttpRequest) -> bool:
    """Tell whether `let_replace` was called in this session, some minutes ago at most."""
    until: float = request.session.get(_REPLACES, 0)
    return until > time.time()
