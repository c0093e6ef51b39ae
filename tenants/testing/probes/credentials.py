"""What a tenant hands out to be shown again: sessions, signed values, links that set a password."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core import signing

from tenants.context import TenantInfo, use_tenant
from tenants.testing.probe import NotApplicable, Probe, Stage, acting


def handed_out_probes() -> list[Probe]:
    """Return the probes of this module."""
    return [
        Probe(name="a session's key", look=_session),
        Probe(name="a signed value", look=_signed_value),
        Probe(name="a link that sets a password", look=_password_link),
    ]


def _session(stage: Stage, reader: TenantInfo | None) -> str:
    if not any(name.endswith("SessionMiddleware") for name in settings.MIDDLEWARE):
        raise NotApplicable("There is no session middleware.")
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    with use_tenant(stage.owner):
        session = store()
        session["secret"] = stage.secret
        session.save()
    try:
        with acting(reader):
            return str(store(session.session_key).get("secret", ""))
    finally:
        with use_tenant(stage.owner):
            session.delete()


def _signed_value(stage: Stage, reader: TenantInfo | None) -> str:
    with use_tenant(stage.owner):
        signed = signing.dumps(stage.secret)
    with acting(reader), suppress(signing.BadSignature):
        return str(signing.loads(signed))
    return ""


def _password_link(stage: Stage, reader: TenantInfo | None) -> str:
    """Use a token for a user who is, as in a clone, the same to the letter in both."""
    user = get_user_model()(pk=1, password="the same")  # noqa: S106  # no user is made with it
    with use_tenant(stage.owner):
        token = default_token_generator.make_token(user)
    with acting(reader):
        return "the token is accepted" if default_token_generator.check_token(user, token) else ""
