"""The session of an operator who has entered a shop: marked as one, and over when its time is."""

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
from tenants.contrib.impersonation.backend import account_of
from tenants.contrib.impersonation.conf import impersonation_settings
from tenants.contrib.impersonation.models import OperatorLogin
from tenants.lifecycle import audit

_MARK = "entered_operator"
_BACKEND = "tenants.contrib.impersonation.backend.OperatorBackend"


def begin_session(request: HttpRequest, entry: OperatorLogin) -> None:
    """Sign the operator of a used link in, in the place of whoever is signed in here."""
    request.session.flush()
    account = account_of(entry.operator_id, entry.operator)
    login(request, account, backend=_BACKEND)
    request.session[_MARK] = entry.operator
    request.session.set_expiry(timezone.now() + timedelta(minutes=impersonation_settings().operator_minutes))
    _note(account, gettext("Entered the shop."))


def entered_operator(request: HttpRequest) -> str:
    """Return the name of the operator whose session this is, or "" for anybody else's."""
    return str(request.session.get(_MARK, ""))


def is_entered_operator(request: HttpRequest) -> bool:
    """Tell whether this is an operator who has entered by a link."""
    return bool(entered_operator(request))


# --- For templates


def _hint() -> str:
    return "__Host-operator" if settings.SESSION_COOKIE_SECURE else "operator"


def give_hint(response: HttpResponse) -> None:
    """Let pages ask the session about an operator: for everybody else it stays unread."""
    seconds = impersonation_settings().operator_minutes * 60
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(_hint(), "1", max_age=seconds, httponly=True, secure=secure, samesite="Lax")


def operator_in_templates(request: HttpRequest) -> dict[str, Any]:
    """Give templates the variable `entered_operator`: the name of an operator who has entered, or ""."""
    return {"entered_operator": entered_operator(request) if _hint() in request.COOKIES else ""}


# --- Leaving


def _write_down_leaving(*, request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None and (operator := entered_operator(request)):
        with audit.acting_as(f"operator {operator}"):
            audit.record("leave", current_tenant())
        _note(user, gettext("Left the shop."))


user_logged_out.connect(_write_down_leaving, dispatch_uid="tenants.contrib.impersonation")


def _note(account: Any, message: str) -> None:
    LogEntry.objects.log_actions(
        user_id=account.pk, queryset=[account], action_flag=CHANGE, change_message=message, single_object=True
    )
