"""Errors of a long step, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError

from tenants.errors import StepFailed


@contextmanager
def failing_as(step: str) -> Iterator[None]:
    """Let what the database or the file system refuses inside the block be a `StepFailed` of `step`."""
    try:
        yield
    except (DatabaseError, psycopg.Error, OSError) as error:
        raise StepFailed(step, str(error) or type(error).__name__) from error
