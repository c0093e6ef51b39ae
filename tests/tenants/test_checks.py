"""Settings that would break a promise are said at start-up, each by its name."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from config.settings import TENANTS
from tenants.checks import MIDDLEWARE, check_scopes, check_wiring
from tenants.models import Tenant


def ids(found: Any) -> list[str]:
    return [message.id for message in found]


def test_the_project_itself_passes() -> None:
    assert ids(check_wiring()) == []
    assert ids(check_scopes()) == []
    call_command("check", fail_level="WARNING", verbosity=0)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"MIDDLEWARE": []}, "tenants.E001"),
        ({"MIDDLEWARE": ["django.middleware.common.CommonMiddleware", MIDDLEWARE]}, "tenants.E001"),
        ({"DATABASE_ROUTERS": []}, "tenants.E003"),
        ({"TENANTS": {**TENANTS, "TENANT_URLCONF": ""}}, "tenants.E004"),
    ],
)
def test_wiring_that_lets_something_pass_without_its_tenant_is_an_error(changed: dict[str, Any], error: str) -> None:
    with override_settings(**changed):
        assert ids(check_wiring()) == [error]


def test_another_engine_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert ids(check_wiring()) == ["tenants.E002"]


@pytest.mark.parametrize("key", ["SHARED_APPS", "TENANT_APPS", "COMMON_APPS"])
def test_an_app_that_nobody_has_said_a_place_for_is_an_error(key: str) -> None:
    forgotten = TENANTS[key][-1]
    with override_settings(TENANTS={**TENANTS, key: TENANTS[key][:-1]}):
        found = list(check_scopes())
    assert "tenants.E005" in ids(found)
    assert any(forgotten in message.msg for message in found)


def test_a_foreign_key_that_would_cross_schemas_is_an_error() -> None:
    others = [app for app in TENANTS["TENANT_APPS"] if app != "shop.orders"]
    with override_settings(TENANTS={**TENANTS, "SHARED_APPS": ["tenants", "shop.orders"], "TENANT_APPS": others}):
        found = [message for message in check_scopes() if message.id == "tenants.E006"]
    assert found
    assert all("points from the control plane" in message.msg for message in found)


@isolate_apps("shop.goods")
def test_a_key_from_a_shop_to_the_control_plane_is_an_error_and_one_to_both_sides_is_none() -> None:
    from tenants.checks import _crossing_keys

    class Crossing(models.Model):
        tenant = models.ForeignKey(Tenant, models.CASCADE)
        tenants = models.ManyToManyField(Tenant, related_name="+")
        user = models.ForeignKey(User, models.CASCADE)
        missing = models.ForeignKey("nobodys.Model", models.CASCADE)

        class Meta:
            app_label = "goods"

        def __str__(self) -> str:
            return ""

    assert [message.obj.name for message in _crossing_keys(Crossing)] == ["tenant", "tenants"]


def test_an_unknown_key_of_the_setting_stops_the_check_command() -> None:
    with override_settings(TENANTS={**TENANTS, "TENANT_APP": []}), pytest.raises(Exception, match="TENANT_APPS"):
        call_command("check")


def test_an_error_stops_the_check_command() -> None:
    with override_settings(MIDDLEWARE=[]), pytest.raises(SystemCheckError, match=r"tenants\.E001"):
        call_command("check")
