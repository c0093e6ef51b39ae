"""Model fields that store secrets as HMAC, with a key that changes with the epoch of the tenant."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.db import models
from django.db.models.lookups import In

from tenants.isolation.signing import former_tenant_keys, tenant_key


class Digest(bytes):
    """A stored value. Its type keeps it apart from a secret, so that it is not hashed again."""


class KeyedDigestField(models.BinaryField):  # type: ignore[type-arg]  # not generic when the program runs
    """Stores HMAC(key of the tenant for `purpose`, secret); lookups take the secret.

    A new epoch changes the key, so that no former secret finds its row.
    """

    def __init__(self, purpose: str = "", **kwargs: Any) -> None:
        self.purpose = purpose
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "purpose": self.purpose}

    def from_db_value(self, value: Any, *_: object) -> Digest | None:
        return None if value is None else Digest(value)

    def get_prep_value(self, value: Any) -> Any:
        if value is None or isinstance(value, Digest):
            return value
        return _digest(tenant_key(self.purpose), value)

    def digests_of(self, secret: Any) -> list[Any]:
        """Return the digests of a secret by SECRET_KEY and by SECRET_KEY_FALLBACKS."""
        if isinstance(secret, Digest):
            return [secret]
        keys = [tenant_key(self.purpose), *former_tenant_keys(self.purpose)]
        return [_digest(key, secret) for key in keys]


def _digest(key: bytes, secret: Any) -> Digest:
    return Digest(hmac.digest(key, str(secret).encode(), hashlib.sha256))


@KeyedDigestField.register_lookup
class _MatchesAnyKey(In):
    lookup_name = "exact"

    def __init__(self, lhs: Any, rhs: Any) -> None:
        super().__init__(lhs, lhs.output_field.digests_of(rhs))


class TokenDigestField(KeyedDigestField):
    """For tokens of django-oauth-toolkit, which keeps the token as `_raw_token` and looks up its SHA-256."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        raw = getattr(model_instance, "_raw_token", None)
        if raw is not None:
            setattr(model_instance, self.attname, hashlib.sha256(raw.encode()).hexdigest())
            model_instance._raw_token = None  # type: ignore[attr-defined]
        return super().pre_save(model_instance, add)
