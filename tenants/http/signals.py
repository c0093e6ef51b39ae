"""Signals about requests, for contrib apps."""

from __future__ import annotations

from django.dispatch import Signal

overloaded = Signal()
"""Sent with `tenant` and `reason` when a request fails because the database is overloaded or unreachable."""

reset_limits = Signal()
"""Sent by tests before they send more requests than a client may."""
