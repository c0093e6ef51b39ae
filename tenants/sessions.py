"""The session engine, for `SESSION_ENGINE`: Django's in the database, with sessions that know whose they are."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.core import signing

from tenants.context import current_tenant

_HOME = "_tenant"


class SessionStore(db.SessionStore):
    """A session carries the schema and the epoch of its tenant, and is empty for everybody else.

    So the rows that come along with a copied schema sign nobody in, nor do those from before a tenant's new epoch.
    Telling asks the database nothing: the active tenant's epoch is known.
    """

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return the session as it stands in its row, with its home in it."""
        return super().encode({**session_dict, _HOME: _home()})

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Return the session, or an empty one, under another key, where it is not at home."""
        # Not Django's own, which warns of "corrupted data": everybody comes with such a row after a new epoch.
        try:
            session: dict[str, Any] = signing.loads(str(session_data), salt=self.key_salt, serializer=self.serializer)
        except (signing.BadSignature, ValueError):
            session = {}
        if session.pop(_HOME, None) == _home():
            return session
        # Whoever knows the key of a row from elsewhere shall not have it for a session that begins now.
        self._session_key = None
        return {}


def _home() -> list[str]:
    tenant = current_tenant()
    return [tenant.schema, tenant.epoch]
