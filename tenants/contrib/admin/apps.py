"""App configs of the operator's admin, and of Django's admin with its classes loaded on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks
from django.utils.translation import gettext_lazy as _


class OperatorAdminConfig(AppConfig):
    default = True
    name = "tenants.contrib.admin"
    label = "tenants_admin"
    verbose_name = _("Platform")

    def ready(self) -> None:
        from tenants.contrib.admin import checks  # noqa: F401  # registers itself


class AdminConfig(SimpleAdminConfig):
    """Named in INSTALLED_APPS in place of `django.contrib.admin`, which imports every admin class at startup.

    Those classes load forms and widgets, which takes longer than `migrate_tenants` with nothing to do. An
    `AccountsSite` imports them when its URLs are read. For another site, call
    `django.contrib.admin.autodiscover()` in the URLconf.
    """

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_admin_classes, checks.Tags.admin)


def _check_admin_classes(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    autodiscover()
    messages: list[checks.CheckMessage] = check_admin_app(app_configs, **kwargs)
    return messages
