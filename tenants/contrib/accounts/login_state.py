"""The session between the two steps of a sign-in: the password was right, the code is still missing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import django_otp
from django.contrib.auth import BACKEND_SESSION_KEY, get_user_model, login
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from tenants.contrib.accounts import otp

_ADMIN_PAGES = ("admin:second_step", "admin:second_factor_set_up")
_PENDING = "pending_login"
_DEVICE_CHANGE = "device_change"
_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class PendingLogin:
    user: Any
    target: str
    """Address to redirect to after the second step."""


def start_login(request: HttpRequest, user: Any, target: str, *, pages: tuple[str, str] = _ADMIN_PAGES) -> str:
    """Sign in a user whose password was right, or keep the login pending; return the address to redirect to.

    `pages` are the URL names of two pages: one asks for the code, one sets up a second factor.
    """
    is_enabled = otp.is_enabled(user)
    if not is_enabled and not (user.is_staff and otp.is_required()):
        finish_login(request, user)
        return target
    request.session[_PENDING] = {
        "user": user._meta.pk.value_to_string(user),
        "backend": user.backend,
        "password": user.get_session_auth_hash(),
        "target": target,
        "until": time.time() + _TIMEOUT_SECONDS,
    }
    return reverse(pages[0] if is_enabled else pages[1])


def pending_login(request: HttpRequest) -> PendingLogin | None:
    """Return the pending login of this session; None if there is none or it has expired."""
    pending = request.session.get(_PENDING)
    if pending is None or pending["until"] < time.time():
        return None
    user: Any = get_user_model()._default_manager.filter(pk=pending["user"], is_active=True).first()
    # The hash differs if the password was changed in the meantime.
    if user is None or not constant_time_compare(pending["password"], user.get_session_auth_hash()):
        return None
    user.backend = pending["backend"]
    return PendingLogin(user, pending["target"])


def finish_login(request: HttpRequest, user: Any, device: Any = None) -> None:
    """Sign the user in, verified by `device`, with a new session key."""
    request.session.pop(_PENDING, None)
    request.session.pop(_DEVICE_CHANGE, None)
    login(request, user, backend=getattr(user, "backend", None) or request.session[BACKEND_SESSION_KEY])
    if device is not None:
        django_otp.login(request, device)


def allow_device_change(request: HttpRequest) -> None:
    """Allow the user, who has just entered a code, to set up another device."""
    request.session[_DEVICE_CHANGE] = time.time() + _TIMEOUT_SECONDS


def may_change_device(request: HttpRequest) -> bool:
    until: float = request.session.get(_DEVICE_CHANGE, 0)
    return until > time.time()
