"""Who is told what PostgreSQL announces: caches that follow changes in tenants' own schemas.

A trigger sends `topic:what`, and the one who follows that topic is told `what`. (The registry's own triggers send a
tenant's id alone.)
"""

from __future__ import annotations

from typing import Protocol


class Follower(Protocol):
    """A cache that follows one topic."""

    def hear(self, what: str) -> None:
        """Forget, or learn, what one announcement says."""

    def forget_all(self) -> None:
        """Forget everything: announcements may have been missed."""


_followers: dict[str, Follower] = {}


def follow(topic: str, follower: Follower) -> None:
    """Have `follower` told of what is announced for `topic`."""
    _followers[topic] = follower


def announce(payload: str) -> bool:
    """Tell whoever follows; return False if nobody does."""
    topic, colon, what = payload.partition(":")
    follower = _followers.get(topic) if colon else None
    if follower is not None:
        follower.hear(what)
    return follower is not None


def forget_all() -> None:
    """Have everybody forget everything."""
    for follower in _followers.values():
        follower.forget_all()
