"""Probes of sessions, signed values and password links."""

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


def credential_probes() -> list[Probe]:
    return [
        Probe(name="a session key", look=_session),
        Probe(name="a signed value", look=_signed_value),
        Probe(name="a password link", look=_password_link),
    ]


def _session(stage: Stage, reader: TenantInfo | None) -> str:
    if not any(name.endswith("SessionMiddleware") for name in settings.MIDDLEWARE):
        raise NotApplicable("MIDDLEWARE has no session middleware.")
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
    # As in a clone, the users of both tenants are equal.
    user = get_user_model()(pk=1, password="the same")  # noqa: S106  # not saved
    with use_tenant(stage.owner):
        token = default_token_generator.make_token(user)
    with acting(reader):
        return "the token is accepted" if default_token_generator.check_token(user, token) else ""
