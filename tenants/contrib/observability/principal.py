"""As whom one process asks another. Apart from signatures: whoever logs needs it, and those take long to load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """As whom a request is made. Nobody in particular: a stranger, or code of the tenant's own."""

    user: str = ""
    """The id of the tenant's user; empty for a stranger and for an application that acts for itself."""
    client: str = ""
    """The application that a token was given to."""
    scopes: frozenset[str] = frozenset()
    """What the token is good for."""

    @property
    def is_known(self) -> bool:
        """Whether it is anybody: no stranger."""
        return bool(self.user or self.client)


STRANGER = Principal()
