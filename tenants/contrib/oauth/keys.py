"""The key pairs with which a tenant signs: made on first use, sealed at rest, changed with an overlap.

A key belongs to one generation of its tenant: to its epoch and SECRET_KEY. In another generation it does not exist.
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
from django.utils import timezone
from joserfc.jwk import ECKey

from tenants.contrib.oauth.lifetimes import longest_lifetime
from tenants.contrib.oauth.models import SigningKey
from tenants.isolation.signing import former_tenant_keys, tenant_key

if TYPE_CHECKING:
    from tenants.lifecycle import TenantSpec

ALGORITHM = "ES256"
_CURVE = "P-256"
_SEAL = "oauth signing key"
_GENERATION = "oauth generation"
_NONCE = 12
_MARGIN = timedelta(minutes=1)
"""How much longer than its last token a retired key is published: clocks differ, and transactions take a while."""


@dataclass(frozen=True, slots=True)
class SigningPair:
    """What signs a token."""

    kid: str
    generation: str
    key: ECKey


def key_generations() -> list[str]:
    """Return the marks of the generations whose keys are good now: of SECRET_KEY, then of its fallbacks."""
    return [key.hex()[:16] for key in (tenant_key(_GENERATION), *former_tenant_keys(_GENERATION))]


def signing_pair() -> SigningPair:
    """Return the pair that signs for the active tenant; makes one if there is none."""
    generations = key_generations()
    rows = {row.generation: row for row in SigningKey.objects.filter(generation__in=generations, retired=None)}
    row = next((rows[generation] for generation in generations if generation in rows), None) or _make_key()
    return SigningPair(row.kid, row.generation, _decrypt(row.kid, bytes(row.private)))


def create_first_key(spec: TenantSpec) -> None:
    """Give a new tenant its key. A step of `STEPS`; whoever has none yet gets it when the first token is asked for."""
    _make_key()


def rotate_key(*, at_once: bool = False) -> str:
    """Have another key sign from now on, and return its id.

    Tokens of the former ones stay good until they expire, and so long their public keys are published. `at_once` drops
    the former keys instead, and with them all tokens: for a key that somebody may have got hold of.
    """
    with transaction.atomic():
        # In the order of their ids, so that two at once wait for each other instead of locking each other out.
        list(SigningKey.objects.filter(retired=None).order_by("kid").select_for_update())
        if at_once:
            SigningKey.objects.all().delete()
        now = timezone.now()
        until = now + longest_lifetime() + _MARGIN
        SigningKey.objects.filter(retired=None).update(retired=now, published_until=until)
        SigningKey.objects.filter(published_until__lt=now).delete()
        return _make_key().kid


def published_keys() -> list[SigningKey]:
    """Return the rows whose public keys verify now, without their private parts."""
    good = Q(retired=None) | Q(published_until__gt=timezone.now())
    return list(SigningKey.objects.filter(good, generation__in=key_generations()).defer("private"))


def public_key(jwk: dict[str, Any]) -> ECKey:
    """Return the key that a row's `public` describes."""
    return ECKey.import_key(jwk)


def _make_key() -> SigningKey:
    key = ECKey.generate_key(_CURVE, private=True)
    kid, generation = key.thumbprint(), key_generations()[0]
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    row = SigningKey(kid=kid, generation=generation, public=public, private=_encrypt(kid, key))
    SigningKey.objects.bulk_create([row], ignore_conflicts=True)
    return SigningKey.objects.get(generation=generation, retired=None)  # another's, if somebody was quicker


def _encrypt(kid: str, key: ECKey) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    text = json.dumps(key.as_dict(private=True)).encode()
    # The id is sealed in: a private key that is put beside another's public one does not open.
    return nonce + AESGCM(tenant_key(_SEAL)).encrypt(nonce, text, kid.encode())


def _decrypt(kid: str, sealed: bytes) -> ECKey:
    for secret in (tenant_key(_SEAL), *former_tenant_keys(_SEAL)):
        try:
            return _decrypt_with(secret, kid, sealed)
        except InvalidTag:
            continue
    raise InvalidTag


@lru_cache(maxsize=256)
def _decrypt_with(secret: bytes, kid: str, sealed: bytes) -> ECKey:
    text = AESGCM(secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], kid.encode())
    return ECKey.import_key(json.loads(text))
