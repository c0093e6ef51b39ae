"""`manage.py show_tenant_settings`: what `tenants.configure` has set, completed and left in the settings."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from tenants.configuration import Entry, Outcome, entries
from tenants.isolation.signing import TenantSecretKey
from tenants.management.base import TenantCommand
from tenants.redaction import MASK, SECRET_NAMES, redact_secrets


class Command(TenantCommand):
    help = (
        "Prints which settings tenants.configure has set or completed, and which it has left as the project has them."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--values", action="store_true", help="Print the values too.")

    def handle(self, *, values: bool, **options: Any) -> None:
        found = entries()
        if not found:
            self.stdout.write("tenants.configure was not called: all settings are the project's own.")
        for outcome in Outcome:
            chosen = [entry for entry in found if entry.outcome is outcome]
            if chosen:
                self.stdout.write(self.style.MIGRATE_HEADING(f"{outcome.value.capitalize()}:"))
            for entry in chosen:
                self.stdout.write(f"  {_line(entry)}")
                if values and outcome is not Outcome.LEFT:
                    self.stdout.write(f"    {_value(entry)}")


def _line(entry: Entry) -> str:
    changed = entry.outcome is not Outcome.LEFT and getattr(settings, entry.setting, None) != entry.value
    notes = [*filter(None, [entry.note]), *(["changed after the call"] if changed else [])]
    return f"{entry.setting}: {redact_secrets('; '.join(notes))}" if notes else entry.setting


def _value(entry: Entry) -> str:
    value = getattr(settings, entry.setting, None)
    if isinstance(value, TenantSecretKey) or SECRET_NAMES.search(entry.setting):
        return MASK
    return redact_secrets(repr(value))
