"""System checks: a setting that breaks a promise is reported by its name."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, models
from django.test import override_settings
from django.test.utils import isolate_apps

from tenants.checks import credentials, placement, pooler, process_state
from tenants.checks import settings as settings_checks
from tenants.checks.placement import check_placements
from tenants.checks.settings import MIDDLEWARE, check_settings
from tenants.contrib.accounts import checks as accounts_checks
from tenants.contrib.oauth import checks as oauth_checks
from tenants.contrib.services import checks as services_checks
from tenants.isolation.cache import cache_key
from tenants.models import Tenant
from tenants.postgresql.direct_connection import connect_directly
from tests.pooler import led_through, pgbouncer
from tests.settings import TENANTS

CACHE_BACKENDS = "django.core.cache.backends"


def moved_to_shared(app: str) -> dict[str, Any]:
    """Return TENANTS with an app's tables in the control plane alone."""
    common = [name for name in TENANTS["COMMON_APPS"] if name != app]
    return {**TENANTS, "SHARED_APPS": [*TENANTS["SHARED_APPS"], app], "COMMON_APPS": common}


def ids(found: Any) -> list[str]:
    return [message.id for message in found]


def test_the_project_itself_passes() -> None:
    assert ids(check_settings()) == []
    assert ids(check_placements()) == []
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
def test_settings_that_omit_the_tenant_are_an_error(changed: dict[str, Any], error: str) -> None:
    with override_settings(**changed):
        assert ids(check_settings()) == [error]


@pytest.mark.parametrize("engine", ["tenants.postgresql", "tenants.contrib.devserver.postgresql"])
def test_engine_of_tenants_and_its_subclass_are_accepted(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", engine)
    monkeypatch.setitem(settings.DATABASES, "replica", {"ENGINE": engine})
    assert ids(check_settings()) == ids(settings_checks.check_databases()) == []


def test_another_engine_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert ids(check_settings()) == ["tenants.E002"]


@pytest.mark.parametrize("key", ["SHARED_APPS", "TENANT_APPS", "COMMON_APPS"])
def test_an_app_without_a_placement_is_an_error(key: str) -> None:
    forgotten = TENANTS[key][-1]
    with override_settings(TENANTS={**TENANTS, key: TENANTS[key][:-1]}):
        found = list(check_placements())
    assert "tenants.E005" in ids(found)
    assert any(forgotten in message.msg for message in found)


def test_a_foreign_key_that_would_cross_schemas_is_an_error() -> None:
    others = [app for app in TENANTS["TENANT_APPS"] if app != "shop.orders"]
    shared = [*TENANTS["SHARED_APPS"], "shop.orders"]
    with override_settings(TENANTS={**TENANTS, "SHARED_APPS": shared, "TENANT_APPS": others}):
        found = [message for message in check_placements() if message.id == "tenants.E006"]
    assert found
    assert all("points from the control plane" in message.msg for message in found)


@isolate_apps("shop.goods")
def test_a_key_from_a_shop_to_the_control_plane_is_an_error() -> None:
    from tenants.checks.placement import _crossing_keys

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


# --- One check each

CHECKS = {
    "E009": (placement.check_django_apps, {"TENANTS": moved_to_shared("django.contrib.sessions")}),
    "W007": (placement.check_django_apps, {"TENANTS": moved_to_shared("django.contrib.auth")}),
    "E010": (placement.check_django_apps, {"TENANTS": {**TENANTS, "SHARED_APPS": []}}),
    "E013": (process_state.check_caches, {"CACHES": {"default": {"BACKEND": f"{CACHE_BACKENDS}.db.DatabaseCache"}}}),
    "E014": (process_state.check_caches, {"CACHES": {"default": {"BACKEND": f"{CACHE_BACKENDS}.locmem.LocMemCache"}}}),
    "E015": (
        process_state.check_storages,
        {
            "STORAGES": {
                "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
                "staticfiles": settings.STORAGES["staticfiles"],
            }
        },
    ),
    "E016": (
        process_state.check_storages,
        {"DEFAULT_FILE_STORAGE": "tenants.isolation.storage.TenantFileSystemStorage"},
    ),
    "E017": (process_state.check_file_urls, {"STATIC_URL": "static/"}),
    "E018": (credentials.check_secrets, {"SECRET_KEY": "the same for all"}),
    "E019": (credentials.check_sessions, {"SESSION_ENGINE": "django.contrib.sessions.backends.file"}),
    "E020": (credentials.check_cookies, {"SESSION_COOKIE_DOMAIN": ".localhost"}),
    "W014": (
        credentials.check_cookie_names,
        {"TENANTS": {**TENANTS, "ORIGIN": "https://shops.example"}, "CSRF_COOKIE_NAME": "__Host-csrftoken"},
    ),
    "W015": (
        credentials.check_trusted_origins,
        {
            "TENANTS": {**TENANTS, "ORIGIN": "https://shops.example"},
            "CSRF_TRUSTED_ORIGINS": ["https://*.shops.example", "https://*.other.example", "https://pay.shops.example"],
        },
    ),
    "E024": (
        services_checks.check_gateway_middleware,
        {"TENANTS": {**TENANTS, "SERVICE": "shop"}, "MIDDLEWARE": [MIDDLEWARE]},
    ),
    "E025": (oauth_checks.check_copies, {"TENANTS": {**TENANTS, "CLONE_LEAVES_OUT": ["sessions.Session"]}}),
    "W001": (settings_checks.check_settings, {"MIDDLEWARE": [MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]}),
    "W003": (process_state.check_logs, {"LOGGING": {"version": 1}}),
    "E026": (accounts_checks.check_second_factor, {"MIDDLEWARE": [*accounts_checks.MIDDLEWARE[:2]]}),
    "W005": (credentials.check_csrf_cookie, {"MIDDLEWARE": [credentials.CSRF, credentials.SIGNED_CSRF_COOKIE]}),
    "W004": (credentials.check_sessions, {"SESSION_ENGINE": "django.contrib.sessions.backends.cache"}),
}


@pytest.mark.parametrize("name", CHECKS)
def test_setting_that_breaks_a_promise_is_reported_with_a_hint(name: str) -> None:
    check, changed = CHECKS[name]
    assert ids(check()) == [], "the project as it is"
    with override_settings(**changed):
        (message,) = [message for message in check() if message.id == f"tenants.{name}"]
    assert message.hint


def test_a_media_address_without_a_slash_and_an_old_secret_are_seen_too() -> None:
    with override_settings(MEDIA_URL="media/", SECRET_KEY_FALLBACKS=["old"], CSRF_COOKIE_DOMAIN=".localhost"):
        found = [*process_state.check_file_urls(), *credentials.check_secrets(), *credentials.check_cookies()]
    assert ids(found) == ["tenants.E017", "tenants.E018", "tenants.E020"]


@pytest.mark.parametrize(
    "key_function",
    ["tenants.isolation.cache.cache_key", lambda key, prefix, version: cache_key(key, prefix, version)],
)
def test_any_key_function_that_keeps_tenants_apart_will_do(key_function: Any) -> None:
    cache = {"BACKEND": f"{CACHE_BACKENDS}.locmem.LocMemCache", "KEY_FUNCTION": key_function}
    with override_settings(CACHES={"default": cache, "none": {"BACKEND": f"{CACHE_BACKENDS}.dummy.DummyCache"}}):
        assert ids(process_state.check_caches()) == []


def test_a_search_path_before_the_tenants_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {"options": "-c search_path=public"})
    assert ids(settings_checks.check_databases()) == ["tenants.E011"]


def test_another_database_without_the_engine_is_pointed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES, "replica", {"ENGINE": "django.db.backends.postgresql"})
    assert ids(settings_checks.check_databases()) == ["tenants.W002"]


def test_the_control_plane_in_an_admin_of_tenants_is_an_error() -> None:
    assert ids(settings_checks.check_admins()) == []
    with override_settings(TENANTS={**TENANTS, "TENANT_URLCONF": "config.urls_platform"}):
        found = list(settings_checks.check_admins())
    assert {message.id for message in found} == {"tenants.E012"}
    assert any("tenants.Tenant," in message.msg for message in found)


def test_a_pooler_without_a_way_past_it_is_an_error_of_the_database(committed: None) -> None:
    assert ids(pooler.check_pooler(["default"])) == []
    with pgbouncer(size=5) as running, led_through(running):
        assert ids(pooler.check_pooler(["default"])) == []
        connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] = False
        assert ids(pooler.check_pooler(["default"])) == ["tenants.E022"]
        connection.settings_dict["OPTIONS"].pop("direct")
        assert ids(pooler.check_pooler(["default"])) == ["tenants.E021", "tenants.E022"]
        assert ids(pooler.check_pooler([])) == []


def test_a_pooler_that_gives_each_client_a_session_is_none_to_speak_of(committed: None) -> None:
    with pgbouncer(size=5, mode="session") as running, led_through(running):
        connection.settings_dict["OPTIONS"].pop("direct")
        connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] = False
        assert ids(pooler.check_pooler(["default"])) == []


def test_a_readable_table_of_the_control_plane_is_an_error(committed: None) -> None:
    assert ids(pooler.check_privileges(["default"])) == []
    with connect_directly() as session:
        session.execute("CREATE TABLE public.everybodys (); GRANT SELECT ON public.everybodys TO PUBLIC")
        try:
            assert ids(pooler.check_privileges(["default"])) == ["tenants.E023"]
        finally:
            session.execute("DROP TABLE public.everybodys")
