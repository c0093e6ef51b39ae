"""The session engine, for `SESSION_ENGINE`: Django's in the database, with sessions that know whose they are.

What two requests of one session write at the same time is kept of both: each writes the keys that it has changed. Code
that changes a value by what it was, as a cart, does so inside `exclusive`.
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

_HOME = "_tenant"


class SessionStore(db.SessionStore):
    """A session carries the schema and the epoch of its tenant, and is empty for everybody else.

    So the rows that come along with a copied schema sign nobody in, nor do those from before a tenant's new epoch.
    Telling asks the database nothing: the active tenant's epoch is known.
    """

    _loaded: dict[str, Any] | None = None
    """As the row had it when it was read or written last; None: nothing was read."""

    def load(self) -> dict[str, Any]:
        """Read the session from its row."""
        session: dict[str, Any] = super().load()
        self._loaded = deepcopy(session)
        return session

    async def aload(self) -> dict[str, Any]:
        """The same without waiting for the database in this thread."""
        return await sync_to_async(self.load)()

    def save(self, must_create: bool = False) -> None:
        """Write what was changed into the row, whatever else others have written there meanwhile."""
        if must_create or self.session_key is None or self._loaded is None:
            super().save(must_create)
        else:
            with transaction.atomic():
                self.merge()
                super().save(must_create)
        self._loaded = deepcopy(dict(self.items()))

    async def asave(self, must_create: bool = False) -> None:
        """The same without waiting for the database in this thread."""
        await sync_to_async(self.save)(must_create)

    def merge(self) -> bool:
        """Lock the row and take what others have written there; tell whether there is a row. In a transaction."""
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
        """Return the session as it stands in its row, with its home in it."""
        return super().encode({**session_dict, _HOME: _home()})

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Return the session, or an empty one, under another key, where it is not at home."""
        session = _decoded(self, session_data)
        if session is not None:
            return session
        # Whoever knows the key of a row from elsewhere shall not have it for a session that begins now.
        self._session_key = None
        return {}


def _decoded(store: SessionStore, session_data: bytes | str) -> dict[str, Any] | None:
    """Return what is in a row, or None where it is not at home."""
    # Not Django's own, which warns of "corrupted data": everybody comes with such a row after a new epoch.
    try:
        session: dict[str, Any] = signing.loads(str(session_data), salt=store.key_salt, serializer=store.serializer)
    except (signing.BadSignature, ValueError):
        return None
    return session if session.pop(_HOME, None) == _home() else None


@contextmanager
def exclusive(session: SessionBase) -> Iterator[None]:
    """Have the session alone inside the block: as it is now, in a transaction, and written when the block ends well.

    Other requests of the same session wait. One that has no row yet is nobody else's; another engine has no lock.
    """
    session.keys()  # reads it, and so tells whether there is a row
    if not isinstance(session, SessionStore) or session.session_key is None:
        yield
        return
    with transaction.atomic():
        is_there = session.merge()
        yield
        if is_there and session.modified:
            session.save()


def _home() -> list[str]:
    tenant = current_tenant()
    return [tenant.schema, tenant.epoch]
