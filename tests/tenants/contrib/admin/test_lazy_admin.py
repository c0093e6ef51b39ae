"""Admin classes: imported on demand, and those of optional apps only where installed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tenants.isolation.app_placement import Placement, placement_of

LOADED = "import sys; print(*sorted(name for name in sys.modules if name.endswith('.admin') and name[:5] == 'shop.'))"


@pytest.mark.parametrize(
    ("doing", "loads"),
    [
        ("from django.core.management import load_command_class as load; load('tenants', 'migrate_tenants')", False),
        ("from django.core.checks import run_checks; assert run_checks(tags=['admin']) == []", True),
        ("from django.urls import reverse; reverse('admin:index', urlconf='config.urls_tenant')", True),
        ("from django.urls import reverse; reverse('admin:index', urlconf='config.urls_platform')", True),
        ("from tenants.contrib.admin.site import platform_site; platform_site.urls", True),
        ("from shop.admin_site import site_for; site_for('customer_a')", True),
    ],
)
def test_they_are_loaded_with_urls_and_for_checks_and_not_for_commands(doing: str, loads: bool) -> None:
    code = f"import django; django.setup()\n{doing}\n{LOADED}"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert ("shop.goods.admin" in done.stdout.split()) is loads


WITHOUT = """
import django
from django.conf import settings
optional = [f"tenants.contrib.{name}" for name in ("api", "limits", "mounts", "services")]
settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app not in optional]
django.setup()
from tenants.contrib.admin.site import platform_site
platform_site.urls
print(*sorted(model._meta.label for model in platform_site._registry))
"""


def test_operator_admin_without_optional_apps_has_engine_models() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, env=environment, check=True)
    engine = {f"tenants.{name}" for name in ("AuditEvent", "Domain", "Operation", "Tenant")}
    assert set(done.stdout.split()) == engine | {"auth.Group", "auth.User"}


def test_the_log_of_the_admin_is_everybodys_own() -> None:
    assert placement_of("admin") is Placement.COMMON
