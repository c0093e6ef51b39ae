"""Principal of a request: the user, the client application and its scopes.

Separate from `tenants.contrib.services.identity`, whose libraries take long to import: logging needs this class alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Principal of a request. Empty for an anonymous visitor, and for code that acts for the tenant itself."""

    user: str = ""
    """The id of the tenant's user; empty for a client that acts on its own behalf."""
    client: str = ""
    """The name of the client application that holds the token."""
    scopes: frozenset[str] = frozenset()

    @property
    def is_authenticated(self) -> bool:
        return bool(self.user or self.client)


ANONYMOUS = Principal()
