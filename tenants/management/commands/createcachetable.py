"""`manage.py createcachetable`: refused for database caches, which are not supported."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import createcachetable


class Command(createcachetable.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        named = [alias for alias, cache in settings.CACHES.items() if str(cache["BACKEND"]).endswith("DatabaseCache")]
        if named:  # Django would skip the table and report success
            raise CommandError(
                f"CACHES[{named[0]!r}] uses the database, which is not supported. Use another backend (tenants.E013)."
            )
        super().handle(*args, **options)
