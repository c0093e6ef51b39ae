"""Django's admin, whose classes are looked for by those who need them, and not by every command.

They bring along forms, widgets and all that an admin can start, which takes longer to load than `migrate_tenants` with
nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class AdminConfig(SimpleAdminConfig):
    """To be named in INSTALLED_APPS in the place of `django.contrib.admin`.

    A site that is based on `tenants.contrib.accounts.admin_site.AccountsSite`, as ours are, looks for them when it is
    asked for its URLs; for another one, the URLconf calls `django.contrib.admin.autodiscover()` before.
    """

    def ready(self) -> None:
        """Register the checks of the admin."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_classes, checks.Tags.admin)


def _check_classes(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    autodiscover()
    found: list[checks.CheckMessage] = check_admin_app(app_configs, **kwargs)
    return found
