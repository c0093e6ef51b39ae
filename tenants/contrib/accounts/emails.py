"""E-mails with a link that sets a password: for a forgotten password, and for an invitation."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import PasswordResetForm
from django.core.cache import cache
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext

from tenants.absolute_urls import primary_url
from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.contrib.accounts.user_model import email_of
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.isolation.password_reset import password_link

_SECONDS_BETWEEN_RESETS = 120


def send_reset_links(email: str, language: str) -> None:
    """Send a link to each active user of the active tenant with this address and a usable password.

    A user gets no second link within two minutes.
    """
    # Django's form compares addresses by Unicode rules (CVE-2019-19844).
    for user in PasswordResetForm().get_users(email):
        if not is_operator_account(user) and cache.add(f"password-link:{user.pk}", 1, _SECONDS_BETWEEN_RESETS):
            _send("reset", user, language)


def send_invitation(user: Any, by: str, language: str) -> None:
    """Send a link to a user without a password; `by` names who invites them."""
    _send("invitation", user, language, by=by)


def _send(kind: str, user: Any, language: str, **context: str) -> None:
    tenant = current_tenant()
    address = email_of(user)
    with translation.override(language):
        name = tenant.name if not tenant.is_platform else tenancy().base_domain
        context |= {
            "name": name,
            "user_name": user.get_username(),
            "host": primary_url("/"),
            "link": password_link(user),
        }
        subject = {"reset": gettext("Reset your password for %s"), "invitation": gettext("Invitation to %s")}[kind]
        body = render_to_string(f"tenants/mails/{kind}.txt", context)
        send_mail(" ".join((subject % name).split()), body, None, [address])
