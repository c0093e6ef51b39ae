"""Receivers of `post_migrate` that an app connects in its package `management`, as django-guardian does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models.signals import post_migrate, pre_migrate

from tenants import PLATFORM, TenantInfo, active_tenant, use_tenant
from tenants.migrator import apply
from tenants.migrator.signals import connect_receivers
from tests import ledger

MANAGEMENT = """
from django.contrib.auth import get_user_model
from django.db.models.signals import post_migrate, pre_migrate
from tenants import active_tenant

imported_as = active_tenant()
heard = []


def before(sender, **kwargs):
    heard.append("pre_migrate")


def make_anonymous(sender, **kwargs):
    if sender.label == "auth":
        get_user_model().objects.get_or_create(username="AnonymousUser")


pre_migrate.connect(before, dispatch_uid="guardianlike.before")
post_migrate.connect(make_anonymous, dispatch_uid="guardianlike")
"""


NAME = "tests.ledger.management"


@pytest.fixture
def guardianlike(committed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give an installed app such a package. (This project's apps cannot be installed twice in a process.)"""
    (tmp_path / "management").mkdir()
    (tmp_path / "management" / "__init__.py").write_text(MANAGEMENT)
    monkeypatch.setattr(ledger, "__path__", [*ledger.__path__, str(tmp_path)])
    for known in ("_scripts", "_latest"):  # as in a process that has migrated nothing yet
        monkeypatch.setattr(apply, known, {})
    invalidate_caches()
    connect_receivers.cache_clear()
    assert NAME not in sys.modules, "it is not imported yet"
    yield
    post_migrate.disconnect(dispatch_uid="guardianlike")
    pre_migrate.disconnect(dispatch_uid="guardianlike.before")
    sys.modules.pop(NAME, None)
    connect_receivers.cache_clear()


def anonymous(tenant: TenantInfo) -> bool:
    with use_tenant(tenant):
        return User.objects.filter(username="AnonymousUser").exists()


def test_create_tenant_connects_them(guardianlike: None, open_tenant: Callable[..., TenantInfo]) -> None:
    """Fault 25: django-guardian's anonymous user was missing."""
    assert anonymous(open_tenant())
    assert sys.modules[NAME].heard


def test_receivers_are_imported_without_a_tenant(guardianlike: None, open_tenant: Callable[..., TenantInfo]) -> None:
    """Fault 25: a queryset in the body of a class would be one tenant's."""
    with use_tenant(PLATFORM):
        open_tenant()
        assert active_tenant() == PLATFORM
    assert sys.modules[NAME].imported_as is None


def test_migrate_tenants_connects_them(open_tenant: Callable[..., TenantInfo], request: pytest.FixtureRequest) -> None:
    """Fault 25: for a tenant that was opened before the app was installed."""
    tenant = open_tenant()
    call_command("migrate_tenants", "ledger", "zero", tenant=[tenant.slug], verbosity=0)
    request.getfixturevalue("guardianlike")
    assert not anonymous(tenant)
    call_command("migrate_tenants", tenant=[tenant.slug], verbosity=0)
    assert anonymous(tenant)


def test_migrate_of_the_control_plane_connects_them(guardianlike: None) -> None:
    """Fault 25: Django's own, as ever."""
    call_command("migrate", verbosity=0)
    try:
        assert anonymous(PLATFORM)
    finally:
        with use_tenant(PLATFORM):
            User.objects.filter(username="AnonymousUser").delete()
