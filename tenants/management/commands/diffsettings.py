"""`manage.py diffsettings`: Django's command, with secrets hidden by `DEFAULT_EXCEPTION_REPORTER_FILTER`."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.core.management.commands import diffsettings
from django.views.debug import get_default_exception_reporter_filter

from tenants.management.django_commands import OnOneSide


class Command(OnOneSide, diffsettings.Command):
    concerns_rows = False  # some settings differ by tenant and need an active one

    def output_hash(self, user_settings: dict[str, str], *args: Any, **options: Any) -> list[str]:
        return list(super().output_hash(_hidden(user_settings), *args, **options))

    def output_unified(self, user_settings: dict[str, str], *args: Any, **options: Any) -> list[str]:
        return list(super().output_unified(_hidden(user_settings), *args, **options))


def _hidden(shown: dict[str, str]) -> dict[str, str]:
    hide = get_default_exception_reporter_filter().cleanse_setting
    # As Django's command reads them: `settings` itself refuses some names from Django 6.1 on.
    values = cast("Any", settings)._wrapped
    return {name: repr(hide(name, getattr(values, name))) for name in shown}
