"""A connection of one's own under Django's name, for long steps that must not share anybody's."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from tenants.postgresql.direct_connection import direct_settings


@contextmanager
def dedicated_connection(alias: str = "default") -> Iterator[None]:
    """Give this thread's Django a session of its own inside the block; it is closed, locks and all, at the end.

    A transaction that the caller is in stays open beside it, and neither sees what the block does before that is
    committed nor undoes it. What the block sets for the session ends with it.
    """
    before = connections[alias]
    own = type(before)(direct_settings(copy.deepcopy(before.settings_dict)), alias)
    connections[alias] = own
    try:
        yield
    finally:
        connections[alias] = before
        own.close()
