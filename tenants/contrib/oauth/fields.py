"""A column for secrets that were given out: what is kept of one tells nobody the secret, and dies with the epoch."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.db import models
from django.db.models.lookups import In

from tenants.isolation.signing import former_tenant_keys, tenant_key


class Digest(bytes):
    """What is in the column, told from a secret by its type: who has read a digest cannot look a row up with it."""


class KeyedDigestField(models.BinaryField):  # type: ignore[type-arg]  # not generic when the program runs
    """Keeps HMAC(the tenant's key for `purpose`, secret), and is looked up by the secret.

    With another epoch the tenant has another key, and then no row is found by what was given out before.
    """

    def __init__(self, purpose: str = "", **kwargs: Any) -> None:
        self.purpose = purpose
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        """Keep the purpose in migrations."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "purpose": self.purpose}

    def from_db_value(self, value: Any, *_: object) -> Digest | None:
        """Return what the column has."""
        return None if value is None else Digest(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return the digest of a secret; a digest stays what it is."""
        if value is None or isinstance(value, Digest):
            return value
        return _digest(tenant_key(self.purpose), value)

    def digests_of(self, secret: Any) -> list[Any]:
        """Return what the column may have for a secret: under the key of today, or one of before SECRET_KEY changed."""
        if isinstance(secret, Digest):
            return [secret]
        keys = [tenant_key(self.purpose), *former_tenant_keys(self.purpose)]
        return [_digest(key, secret) for key in keys]


def _digest(key: bytes, secret: Any) -> Digest:
    return Digest(hmac.digest(key, str(secret).encode(), hashlib.sha256))


@KeyedDigestField.register_lookup
class _MadeWithAnyKey(In):
    lookup_name = "exact"

    def __init__(self, lhs: Any, rhs: Any) -> None:
        super().__init__(lhs, lhs.output_field.digests_of(rhs))


class TokenDigestField(KeyedDigestField):
    """The same for the tokens of django-oauth-toolkit, which lays the token beside, and looks up by its SHA-256."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Take the token that was laid beside, if there is one."""
        raw = getattr(model_instance, "_raw_token", None)
        if raw is not None:
            setattr(model_instance, self.attname, hashlib.sha256(raw.encode()).hexdigest())
            model_instance._raw_token = None  # type: ignore[attr-defined]
        return super().pre_save(model_instance, add)
