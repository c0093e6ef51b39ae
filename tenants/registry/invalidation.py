"""Publish and subscribe for caches: notifications of PostgreSQL, by topic.

A trigger notifies `topic` or `topic:change`, and the subscriber of that topic gets `change`. (Triggers of the
registry's tables send only a tenant's id.)
"""

from __future__ import annotations

from typing import Protocol


class Subscriber(Protocol):
    """A cache that follows one topic."""

    def on_change(self, change: str) -> None:
        """Drop, or learn, what one notification names."""

    def set_listening(self, listening: bool) -> None:
        """Drop everything, since notifications may have been missed; `listening`: none is missed from now on."""


_subscribers: dict[str, Subscriber] = {}


def subscribe(topic: str, subscriber: Subscriber) -> None:
    """Register the subscriber of a topic."""
    _subscribers[topic] = subscriber


def publish(payload: str) -> bool:
    """Call the subscriber of the topic; return whether there is one."""
    topic, _, change = payload.partition(":")
    subscriber = _subscribers.get(topic)
    if subscriber is not None:
        subscriber.on_change(change)
    return subscriber is not None


def set_listening(listening: bool) -> None:
    """Tell all subscribers that the connection that listens is there, or lost."""
    for subscriber in _subscribers.values():
        subscriber.set_listening(listening)
