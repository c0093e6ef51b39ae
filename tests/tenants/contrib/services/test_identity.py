"""A signed identity is valid for one service and half a minute, and invalid after a change."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings
from joserfc import jwt
from joserfc.jwk import OctKey

from tenants.contrib.observability.principal import Principal
from tenants.contrib.services import identity as identity_module
from tenants.contrib.services.errors import InvalidIdentity
from tenants.contrib.services.identity import Identity, sign, verify
from tenants.contrib.services.keys import service_key, service_keys
from tenants.isolation.signing import TenantSecretKey

KEY = b"k" * 32
KIM = Identity(7, "acme", "e1", "acme.localhost", Principal("3", "app", frozenset({"goods:read", "goods:write"})))


def test_what_is_signed_is_what_is_told() -> None:
    assert verify(sign(KIM, service="stock", key=KEY), service="stock", keys=[KEY]) == KIM
    stranger = Identity(0, "", "", "localhost", Principal())
    assert verify(sign(stranger, service="stock", key=KEY), service="stock", keys=[KEY]) == stranger


def test_it_is_for_one_service() -> None:
    token = sign(KIM, service="stock", key=KEY)
    with pytest.raises(InvalidIdentity, match="'stock'"):
        verify(token, service="shop", keys=[KEY])
    with pytest.raises(InvalidIdentity, match="signature"):
        verify(token, service="stock", keys=[b"x" * 32])


def test_each_service_has_another_key() -> None:
    assert service_key("stock") != service_key("shop")
    assert len(service_key("stock")) == 32


def test_a_former_key_is_taken_as_long_as_it_is_configured() -> None:
    token = sign(KIM, service="stock", key=service_key("stock"))
    with override_settings(SECRET_KEY=TenantSecretKey("new" * 20)):
        with pytest.raises(InvalidIdentity):
            verify(token, service="stock", keys=service_keys("stock"))
    from django.conf import settings

    with override_settings(SECRET_KEY=TenantSecretKey("new" * 20), SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert verify(token, service="stock", keys=service_keys("stock")) == KIM


@pytest.mark.parametrize("away", [-100.0, 100.0])
def test_it_is_of_its_moment(monkeypatch: pytest.MonkeyPatch, away: float) -> None:
    token = sign(KIM, service="stock", key=KEY)
    now = time.time()
    monkeypatch.setattr(identity_module.time, "time", lambda: now + away)
    with pytest.raises(InvalidIdentity, match="expired"):
        verify(token, service="stock", keys=[KEY])


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(change: Callable[[dict[str, Any]], None]) -> str:
    """Return an identity with other claims and the old signature."""
    header, claims, signature = sign(KIM, service="stock", key=KEY).split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    change(said)
    return f"{header}.{part(said)}.{signature}"


FORGED = {
    "nothing": lambda: "",
    "no token": lambda: "abc",
    "three parts of nothing": lambda: "..",
    "another tenant": lambda: forged(lambda said: said.update(tid=8)),
    "another user": lambda: forged(lambda said: said.update(sub="1")),
    "more scopes": lambda: forged(lambda said: said.update(scope="admin")),
    "no signature": lambda: sign(KIM, service="stock", key=KEY).rpartition(".")[0] + ".",
    "no algorithm": lambda: f"{part({'alg': 'none'})}.{part({'aud': 'stock'})}.",
    "another algorithm": lambda: jwt.encode({"alg": "HS512"}, {"aud": "stock"}, OctKey.import_key(b"k" * 64), algorithms=["HS512"]),  # noqa: E501
    "too long": lambda: "a" * 10_000,
    "letters beyond ASCII": lambda: "ä.ö.ü",
}  # fmt: skip


@pytest.mark.parametrize("how", FORGED)
def test_what_is_forged_is_refused(how: str) -> None:
    with pytest.raises(InvalidIdentity):
        verify(FORGED[how](), service="stock", keys=[KEY])


def test_a_service_without_django_has_it() -> None:
    """No settings, no apps: what a service of another kind does."""
    code = (
        "from tenants.contrib.services.identity import verify, sign, Identity, Principal\n"
        "from tenants.contrib.observability.request_context import RequestContext\n"
        "key = b'k' * 32\n"
        "token = sign(Identity(1, 'a', 'e', 'h', Principal()), service='s', key=key)\n"
        "print(verify(token, service='s', keys=[key]).slug)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": "."})
    assert done.stdout == "a\n", done.stderr
