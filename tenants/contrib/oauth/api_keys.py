"""Personal API keys: creation, lookup by digest with a cache, and the time of their last use."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from threading import Lock
from typing import Any

from django.core.signals import request_finished
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from tenants.context import TenantInfo, current_tenant, use_tenant
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.contrib.impersonation.errors import OperatorAccountRefused
from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.fields import Digest, KeyedDigestField
from tenants.contrib.oauth.key_cache import CachedApiKey, TenantKeys
from tenants.contrib.oauth.models import ApiKey
from tenants.contrib.oauth.secrets import is_well_formed, new_secret

logger = logging.getLogger(__name__)

PREFIX = "sangga_key_"
"""Start of every key, which secret scanners recognize."""
_PREFIX_LENGTH = len(PREFIX) + 4
USE_INTERVAL = 60.0
"""Seconds between two updates of `last_used` of a key."""


def create_api_key(user: Any, name: str, scopes: list[str], expires: datetime | None = None) -> ApiKey:
    """Create a key and return its row, with the key as `shown_once`. Raises `OperatorAccountRefused`."""
    if is_operator_account(user):
        raise OperatorAccountRefused(user.get_username())
    key = new_secret(PREFIX)
    row = ApiKey.objects.create(
        user=user, name=name, digest=key, prefix=key[:_PREFIX_LENGTH], scopes=" ".join(scopes), expires=expires
    )
    row.shown_once = key
    return row


def revoke_api_key(row: ApiKey) -> None:
    """Revoke a key; its row stays."""
    if row.revoked is None:
        row.revoked = timezone.now()
        row.save(update_fields=["revoked"])


def is_api_key(text: str) -> bool:
    return text.startswith(PREFIX)


def find_api_key(key: str, keys: TenantKeys) -> CachedApiKey:
    """Return a valid key from the cache, or with one query. Raises `InvalidToken`."""
    if not is_well_formed(key, PREFIX):
        raise InvalidToken("Malformed API key.")
    digests = _digests(key)
    known = next((keys.api_keys[one] for one in digests if one in keys.api_keys), None)
    if known is None:
        known = _load(key)
        keys.add_api_key(digests[0], known)
    if known.expires is not None and known.expires <= time.time():
        raise InvalidToken("API key expired.")
    _last_uses.record(current_tenant(), known.id)
    return known


def is_cached(key: str, keys: TenantKeys) -> bool:
    """Return whether `find_api_key` would need no query."""
    return not is_well_formed(key, PREFIX) or any(one in keys.api_keys for one in _digests(key))


def _digests(key: str) -> list[Digest]:
    column = ApiKey._meta.get_field("digest")
    assert isinstance(column, KeyedDigestField)  # noqa: S101  # for the type
    return column.digests_of(key)


def _load(key: str) -> CachedApiKey:
    row = ApiKey.objects.filter(digest=key).select_related("user").first()
    if row is None:
        raise InvalidToken("Unknown API key.")
    if row.revoked is not None:
        raise InvalidToken("API key revoked.")
    if not row.user.is_active:
        raise InvalidToken("The user of the API key is inactive.")
    expires = None if row.expires is None else row.expires.timestamp()
    return CachedApiKey(row.pk, row.user_id, row.name, frozenset(row.scopes.split()), expires)


MAX_TRACKED_KEYS = 10_000
"""Number of keys whose last update a process remembers."""


class _LastUses:
    """Times of last use, saved after the response and at most once a minute for each key."""

    def __init__(self) -> None:
        # Guards both dicts, which requests of many threads change.
        self._lock = Lock()
        self._saved: dict[tuple[str, int], float] = {}
        self._due: dict[tuple[str, int], tuple[TenantInfo, datetime]] = {}

    def record(self, tenant: TenantInfo, key_id: int) -> None:
        now, which = time.monotonic(), (tenant.schema, key_id)
        if now - self._saved.get(which, -USE_INTERVAL) < USE_INTERVAL:
            return
        with self._lock:
            self._saved.pop(which, None)
            self._saved[which] = now
            if len(self._saved) > MAX_TRACKED_KEYS:
                del self._saved[next(iter(self._saved))]
            self._due[which] = (tenant, timezone.now())

    def save(self, **_: object) -> None:
        """Save the recorded times, and return the connection to the pool."""
        if not self._due:
            return
        with self._lock:
            due, self._due = self._due, {}
        for (_schema, key_id), (tenant, at) in due.items():
            try:
                with use_tenant(tenant), transaction.atomic():
                    ApiKey.objects.filter(pk=key_id).update(last_used=at)
            except DatabaseError as error:  # the response is sent, and nothing depends on this
                logger.warning("Saving the last use of API key %s of %s failed: %r", key_id, tenant, error)
        if not connection.in_atomic_block:
            connection.close()


_last_uses = _LastUses()


def connect() -> None:
    """Connect the signal after which last uses are saved."""
    request_finished.connect(_last_uses.save, dispatch_uid="tenants.contrib.oauth.uses")
