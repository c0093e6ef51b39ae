"""The session of an operator in a shop: its start, its end, and its name for templates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import login
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext

from tenants.context import current_tenant
from tenants.contrib.impersonation.backend import operator_account
from tenants.contrib.impersonation.conf import impersonation_settings
from tenants.contrib.impersonation.models import OperatorLogin
from tenants.lifecycle import audit

_SESSION_KEY = "operator"
_BACKEND = "tenants.contrib.impersonation.backend.OperatorBackend"


def start_session(request: HttpRequest, operator_login: OperatorLogin) -> None:
    """Log the operator in, replacing any session of this browser."""
    request.session.flush()
    account = operator_account(operator_login.operator_id, operator_login.operator)
    login(request, account, backend=_BACKEND)
    request.session[_SESSION_KEY] = operator_login.operator
    request.session.set_expiry(timezone.now() + timedelta(minutes=impersonation_settings().operator_minutes))
    _log(account, gettext("Logged in as operator."))


def operator_of(request: HttpRequest) -> str:
    """Return the operator's name; "" in any other session."""
    return str(request.session.get(_SESSION_KEY, ""))


def is_operator_session(request: HttpRequest) -> bool:
    return bool(operator_of(request))


# --- Templates


def _hint_cookie() -> str:
    return "__Host-operator" if settings.SESSION_COOKIE_SECURE else "operator"


def set_hint_cookie(response: HttpResponse) -> None:
    """Tell templates to read the session; without the cookie, a visitor's page costs no query for it."""
    seconds = impersonation_settings().operator_minutes * 60
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(_hint_cookie(), "1", max_age=seconds, httponly=True, secure=secure, samesite="Lax")


def operator_in_templates(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `operator` is the name of the operator in this session, or ""."""
    return {"operator": operator_of(request) if _hint_cookie() in request.COOKIES else ""}


# --- Logout


def _log_logout(*, request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None and (operator := operator_of(request)):
        with audit.acting_as(f"operator {operator}"):
            audit.record("leave", current_tenant())
        _log(user, gettext("Logged out."))


user_logged_out.connect(_log_logout, dispatch_uid="tenants.contrib.impersonation")


def _log(account: Any, message: str) -> None:
    LogEntry.objects.log_actions(
        user_id=account.pk, queryset=[account], action_flag=CHANGE, change_message=message, single_object=True
    )
