"""Dedicated connection: replaces Django's connection for long steps that must not share a session."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from tenants.postgresql.direct_connection import direct_settings


@contextmanager
def dedicated_connection(alias: str = "default") -> Iterator[None]:
    """Replace this thread's connection inside the block by a new one, past any pool and pooler.

    A transaction of the caller stays open meanwhile. It does not see what the block does before the block commits,
    and does not roll it back. Locks and settings of the new session end with the block.
    """
    before = connections[alias]
    dedicated = type(before)(direct_settings(copy.deepcopy(before.settings_dict)), alias)
    connections[alias] = dedicated
    try:
        yield
    finally:
        connections[alias] = before
        dedicated.close()
