"""E-mails with a link that sets a password: asked for by whoever forgot theirs, or sent to whoever is invited."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.forms import PasswordResetForm
from django.core.cache import cache
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.isolation.password_reset import address_of, password_link

SECONDS_BETWEEN = 120
"""How long nobody is sent a second link for a forgotten password."""


def send_reset_links(email: str, language: str) -> None:
    """Send a link to each active user of the active tenant who has this address and a password.

    Nothing is sent, and nothing said, where there is no such user, or one who was sent a link a moment ago.
    """
    # Django's form knows who is meant: it compares addresses as Unicode demands (CVE-2019-19844).
    for user in PasswordResetForm().get_users(email):
        if not is_operator_account(user) and cache.add(f"password-link:{user.pk}", 1, SECONDS_BETWEEN):
            _send("reset", user, language)


def send_invitation(user: Any, by: str, language: str) -> None:
    """Send somebody who has no password yet a link to choose one; `by` is who invites them."""
    _send("invitation", user, language, by=by)


def _send(kind: str, user: Any, language: str, **context: str) -> None:
    tenant = current_tenant()
    address: str = getattr(user, get_user_model().get_email_field_name())
    with translation.override(language):
        name = tenant.name if not tenant.is_platform else tenancy().base_domain
        facts = {"name": name, "user_name": user.get_username(), "host": address_of("/"), **context}
        subject = {
            "reset": gettext("A new password for %s"),
            "invitation": gettext("You are invited to help run %s"),
        }[kind]
        body = render_to_string(f"tenants/mails/{kind}.txt", {**facts, "link": password_link(user)})
        send_mail(" ".join((subject % name).split()), body, None, [address])
