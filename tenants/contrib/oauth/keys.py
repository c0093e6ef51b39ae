"""Signing keys of a tenant: created on first use, encrypted at rest, rotated with an overlap.

A key belongs to one generation of its tenant, which changes with its epoch and with SECRET_KEY. Keys of other
generations are ignored.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal
from django.utils import timezone
from joserfc.jwk import ECKey

from tenants.contrib.oauth.lifetimes import longest_lifetime
from tenants.contrib.oauth.models import SigningKey
from tenants.isolation.signing import former_tenant_keys, tenant_key

if TYPE_CHECKING:
    from tenants.lifecycle import TenantSpec

ALGORITHM = "ES256"
_CURVE = "P-256"
_ENCRYPTION = "oauth signing key"
_GENERATION = "oauth generation"
_NONCE_BYTES = 12
_MARGIN = timedelta(minutes=1)
"""Time for which a retired key stays published after its last token: for clock skew and long transactions."""

key_created = Signal()
"""Sent in the transaction that creates a signing key, since `bulk_create` sends no `post_save`."""


@dataclass(frozen=True, slots=True)
class SigningPair:
    kid: str
    generation: str
    key: ECKey


def key_generations() -> list[str]:
    """Return the generations whose keys are valid: of SECRET_KEY, then of its fallbacks."""
    return [key.hex()[:16] for key in (tenant_key(_GENERATION), *former_tenant_keys(_GENERATION))]


def signing_pair() -> SigningPair:
    """Return the active tenant's signing key, which is created if there is none."""
    generations = key_generations()
    rows = {row.generation: row for row in SigningKey.objects.filter(generation__in=generations, retired=None)}
    row = next((rows[generation] for generation in generations if generation in rows), None) or _make_key()
    return SigningPair(row.kid, row.generation, _decrypt(row.kid, bytes(row.private)))


def create_first_key(spec: TenantSpec) -> None:
    """Create the key of a new tenant. A setup step for `STEPS`; without it the key is created for the first token."""
    _make_key()


def rotate_key(*, at_once: bool = False) -> str:
    """Create a new signing key and return its id.

    Former keys stay published until their tokens have expired. For a leaked key, `at_once` deletes them, which
    invalidates all tokens.
    """
    with transaction.atomic():
        # Locked in a fixed order, so that two rotations at once do not deadlock.
        list(SigningKey.objects.filter(retired=None).order_by("kid").select_for_update())
        if at_once:
            SigningKey.objects.all().delete()
        now = timezone.now()
        until = now + longest_lifetime() + _MARGIN
        SigningKey.objects.filter(retired=None).update(retired=now, published_until=until)
        SigningKey.objects.filter(published_until__lt=now).delete()
        return _make_key().kid


def published_keys() -> list[SigningKey]:
    """Return the keys that verify tokens now, without their private part."""
    good = Q(retired=None) | Q(published_until__gt=timezone.now())
    return list(SigningKey.objects.filter(good, generation__in=key_generations()).defer("private"))


def public_key(jwk: dict[str, Any]) -> ECKey:
    return ECKey.import_key(jwk)


def _make_key() -> SigningKey:
    key = ECKey.generate_key(_CURVE, private=True)
    kid, generation = key.thumbprint(), key_generations()[0]
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    row = SigningKey(kid=kid, generation=generation, public=public, private=_encrypt(kid, key))
    SigningKey.objects.bulk_create([row], ignore_conflicts=True)
    key_created.send(SigningKey)
    return SigningKey.objects.get(generation=generation, retired=None)  # of another process, if that was faster


def _encrypt(kid: str, key: ECKey) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    text = json.dumps(key.as_dict(private=True)).encode()
    # The key id is authenticated: the private key of one row cannot be decrypted in another row.
    return nonce + AESGCM(tenant_key(_ENCRYPTION)).encrypt(nonce, text, kid.encode())


def _decrypt(kid: str, sealed: bytes) -> ECKey:
    for secret in (tenant_key(_ENCRYPTION), *former_tenant_keys(_ENCRYPTION)):
        try:
            return _decrypt_with(secret, kid, sealed)
        except InvalidTag:
            continue
    raise InvalidTag


@lru_cache(maxsize=256)
def _decrypt_with(secret: bytes, kid: str, sealed: bytes) -> ECKey:
    text = AESGCM(secret).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], kid.encode())
    return ECKey.import_key(json.loads(text))
