"""`manage.py createsuperuser`: Django's own, for the tenant that is active (`run_in_tenant`)."""

from __future__ import annotations

from django.contrib.auth.management.commands import createsuperuser


class Command(createsuperuser.Command):
    # Django's look at unapplied migrations is at all apps, of which each side has only some.
    requires_migrations_checks = False
