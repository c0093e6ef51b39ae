"""Session engine for `SESSION_ENGINE`: Django's in the database, with sessions of one tenant and epoch.

Requests of one session do not overwrite each other: each writes only the keys that it has changed. Code that changes
a value depending on its old one, such as a cart, uses `exclusive`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.core import signing
from django.db import transaction
from django.utils import timezone

from tenants.context import current_tenant

_TENANT = "_tenant"


class SessionStore(db.SessionStore):
    """A session that is empty in another tenant than its own, and after a new epoch.

    So the rows of a copied schema sign in no user. The comparison needs no query: the active tenant has both.
    """

    _loaded: dict[str, Any] | None = None
    """The items of the row when it was last read or written; None: it was not read."""

    def load(self) -> dict[str, Any]:
        session: dict[str, Any] = super().load()
        self._loaded = deepcopy(session)
        return session

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    def save(self, must_create: bool = False) -> None:
        """Write the changed items; keep those that other requests have written since."""
        if must_create or self.session_key is None or self._loaded is None:
            super().save(must_create)
        else:
            with transaction.atomic():
                self.merge()
                super().save(must_create)
        self._loaded = deepcopy(dict(self.items()))

    async def asave(self, must_create: bool = False) -> None:
        await sync_to_async(self.save)(must_create)

    def merge(self) -> bool:
        """Lock the row and read what other requests have written; return whether there is a row. In a transaction."""
        rows = self.model.objects.select_for_update().filter(
            session_key=self.session_key, expire_date__gt=timezone.now()
        )
        row = rows.first()
        found = None if row is None else _decoded(self, row.session_data)
        if found is None:
            return False
        own, before = dict(self.items()), self._loaded or {}
        changed = {key: value for key, value in own.items() if key not in before or before[key] != value}
        kept = {key: value for key, value in found.items() if key in own or key not in before}
        self._loaded = deepcopy(found)
        self._session_cache = {**kept, **changed}
        return True

    def encode(self, session_dict: dict[str, Any]) -> str:
        return super().encode({**session_dict, _TENANT: _tenant_and_epoch()})

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        session = _decoded(self, session_data)
        if session is not None:
            return session
        # A client that knows the key of another tenant's row must not get a session with this key.
        self._session_key = None
        return {}


def _decoded(store: SessionStore, session_data: bytes | str) -> dict[str, Any] | None:
    """Return the items of a row; None if it belongs to another tenant or epoch."""
    # Not Django's own, which logs "corrupted data": after a new epoch that is every session.
    try:
        session: dict[str, Any] = signing.loads(str(session_data), salt=store.key_salt, serializer=store.serializer)
    except (signing.BadSignature, ValueError):
        return None
    return session if session.pop(_TENANT, None) == _tenant_and_epoch() else None


@contextmanager
def exclusive(session: SessionBase) -> Iterator[None]:
    """Lock and read the session, in a transaction; write it at the end. Other requests of the session wait.

    There is no lock for a session without a row, which no other request has, and with another engine.
    """
    session.keys()  # reads it, and so finds out whether there is a row
    if not isinstance(session, SessionStore) or session.session_key is None:
        yield
        return
    with transaction.atomic():
        has_row = session.merge()
        yield
        if has_row and session.modified:
            session.save()


def _tenant_and_epoch() -> list[str]:
    tenant = current_tenant()
    return [tenant.schema, tenant.epoch]
