"""Personal API keys: made once, looked up by digest, remembered in memory; when they were used is written down late."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any

from django.core.signals import request_finished
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from tenants.context import TenantInfo, current_tenant, use_tenant
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.contrib.impersonation.errors import OperatorAccountRefused
from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.fields import Digest, KeyedDigestField
from tenants.contrib.oauth.key_cache import CachedApiKey, TenantKeys, key_cache
from tenants.contrib.oauth.models import ApiKey
from tenants.contrib.oauth.secrets import is_well_formed, new_secret

logger = logging.getLogger(__name__)

PREFIX = "sangga_key_"
"""How every key begins: people and scanners of secrets know it by that."""
_SHOWN = len(PREFIX) + 4
USE_INTERVAL = 60.0
"""How often it is written down that a key was used."""


def create_api_key(user: Any, name: str, scopes: list[str], expires: datetime | None = None) -> ApiKey:
    """Make a key of `user` and return its row, on which it is `shown_once`; raise `OperatorAccountRefused`."""
    if is_operator_account(user):
        raise OperatorAccountRefused(user.get_username())
    key = new_secret(PREFIX)
    row = ApiKey.objects.create(
        user=user, name=name, digest=key, prefix=key[:_SHOWN], scopes=" ".join(scopes), expires=expires
    )
    row.shown_once = key
    return row


def revoke_api_key(row: ApiKey) -> None:
    """Make a key void for good; its row stays, as a record."""
    if row.revoked is None:
        row.revoked = timezone.now()
        row.save(update_fields=["revoked"])


def is_api_key(text: str) -> bool:
    """Tell whether a text is meant to be a key."""
    return text.startswith(PREFIX)


def find_api_key(key: str, keys: TenantKeys) -> CachedApiKey:
    """Return what is known of a key; one query, unless it was used lately. Raises `InvalidToken` with the reason."""
    if not is_well_formed(key, PREFIX):
        raise InvalidToken("The key has a slip in it, or was made up.")
    digests = _digests(key)
    known = next((keys.api_keys[one] for one in digests if one in keys.api_keys), None)
    if known is None:
        known = _look_up(key)
        keys.add_api_key(digests[0], known)
    if known.expires is not None and known.expires <= time.time():
        raise InvalidToken("The key has expired.")
    _uses.note(current_tenant(), known.id)
    return known


def is_cached(key: str, keys: TenantKeys) -> bool:
    """Tell whether `find_api_key` would do without a query."""
    return not is_well_formed(key, PREFIX) or any(one in keys.api_keys for one in _digests(key))


def _digests(key: str) -> list[Digest]:
    column = ApiKey._meta.get_field("digest")
    assert isinstance(column, KeyedDigestField)  # noqa: S101  # for the type
    return column.digests_of(key)


def _look_up(key: str) -> CachedApiKey:
    row = ApiKey.objects.filter(digest=key).select_related("user").first()
    if row is None:
        raise InvalidToken("This shop has no such key.")
    if row.revoked is not None:
        raise InvalidToken("The key has been revoked.")
    if not row.user.is_active:
        raise InvalidToken("Its user has been switched off.")
    expires = None if row.expires is None else row.expires.timestamp()
    return CachedApiKey(row.pk, row.user_id, row.name, frozenset(row.scopes.split()), expires)


MAX_TRACKED_KEYS = 10_000
"""Of so many keys, those that were used last, it is remembered when that was written down."""


class _Uses:
    """Which keys were used, to be written down after the answer, and at most once a minute each."""

    def __init__(self) -> None:
        # Guards the two maps: requests on many threads note, and each writes what there is when it has ended.
        self._lock = Lock()
        self._written: dict[tuple[str, int], float] = {}
        self._due: dict[tuple[str, int], tuple[TenantInfo, datetime]] = {}

    def note(self, tenant: TenantInfo, key_id: int) -> None:
        """Note that a key is used now."""
        now, which = time.monotonic(), (tenant.schema, key_id)
        if now - self._written.get(which, -USE_INTERVAL) < USE_INTERVAL:
            return
        with self._lock:
            self._written.pop(which, None)
            self._written[which] = now
            if len(self._written) > MAX_TRACKED_KEYS:
                del self._written[next(iter(self._written))]
            self._due[which] = (tenant, timezone.now())

    def write(self, **_: object) -> None:
        """Write down what was noted, on a connection that goes back to the pool."""
        if not self._due:
            return
        with self._lock:
            due, self._due = self._due, {}
        for (_schema, key_id), (tenant, at) in due.items():
            try:
                with use_tenant(tenant), transaction.atomic():
                    ApiKey.objects.filter(pk=key_id).update(last_used=at)
            except DatabaseError as error:  # the answer has been sent, and nothing hangs on this
                logger.warning("It could not be written down that API key %s of %s was used: %r", key_id, tenant, error)
        if not connection.in_atomic_block:
            connection.close()


_uses = _Uses()


def connect() -> None:
    """Have this process know at once of keys that it changes itself, and write down their use."""
    post_save.connect(_forget, sender=ApiKey, dispatch_uid="tenants.contrib.oauth")
    post_delete.connect(_forget, sender=ApiKey, dispatch_uid="tenants.contrib.oauth")
    request_finished.connect(_uses.write, dispatch_uid="tenants.contrib.oauth.uses")


def _forget(*, instance: ApiKey, **_: object) -> None:
    transaction.on_commit(partial(key_cache.invalidate, current_tenant().schema))
