"""Completion of settings: what is added, where, and what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management.templates import TemplateCommand

from tenants import configure
from tenants.configuration import Outcome, entries
from tenants.errors import ConfigurationError
from tenants.isolation.signing import TenantSecretKey
from tenants.variants import variant_apps

TENANT = "tenants.http.middleware.TenantMiddleware"
SIGNED = "tenants.http.csrf.SignedCsrfCookieMiddleware"
URL = "postgresql://teams:secret@db.example:5433/teams?sslmode=require"


@pytest.fixture
def started(tmp_path: Path) -> dict[str, Any]:
    """The names of a settings module as `startproject` writes it."""
    TemplateCommand().execute(
        "project", "teams", str(tmp_path), extensions=["py"], files=[], verbosity=0, template=None, secret_key="s" * 50,
        exclude=None, force_color=False, no_color=True, skip_checks=True,
    )  # fmt: skip
    path = tmp_path / "teams" / "settings.py"
    names: dict[str, Any] = {"__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names


def outcomes(outcome: Outcome) -> dict[str, str]:
    return {entry.setting: entry.note for entry in entries() if entry.outcome is outcome}


def test_startproject_settings_are_completed_in_the_right_order(started: dict[str, Any]) -> None:
    configure(started, tenant=["notes"], tenant_urlconf="teams.urls_tenant", database_url=URL)
    middleware = started["MIDDLEWARE"]
    assert middleware[0] == TENANT
    assert middleware.index("django.middleware.csrf.CsrfViewMiddleware") == middleware.index(SIGNED) + 1
    assert started["INSTALLED_APPS"][0] == "tenants"
    assert started["INSTALLED_APPS"][-1] == "notes"
    assert started["TENANTS"] == {
        "TENANT_URLCONF": "teams.urls_tenant",
        "SHARED_APPS": ["tenants"],
        "COMMON_APPS": [f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions")],
        "TENANT_APPS": ["notes"],
    }
    assert isinstance(started["SECRET_KEY"], TenantSecretKey)
    assert started["STATIC_URL"] == "/static/"
    assert started["DATABASES"]["default"] == {
        "ENGINE": "tenants.postgresql",
        "NAME": "teams",
        "USER": "teams",
        "PASSWORD": "secret",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require", "pool": {"min_size": 0, "max_size": 10, "timeout": 10}},
        "CONN_HEALTH_CHECKS": True,
    }
    assert outcomes(Outcome.LEFT) == {}


def test_values_of_the_project_stay_and_are_reported_as_left(started: dict[str, Any]) -> None:
    own = {
        "SESSION_ENGINE": "django.contrib.sessions.backends.cached_db",
        "ALLOWED_HOSTS": [".teams.example"],
        "DATABASE_ROUTERS": ["teams.routers.Router"],
        "STORAGES": {"default": {"BACKEND": "teams.Storage"}},
        "TENANTS": {"TENANT_URLCONF": "teams.urls", "ORIGIN": "https://teams.example"},
        "CACHES": {
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "own": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "KEY_FUNCTION": "teams.key"},
        },
        "LOGGING": {"version": 1},
        "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "x", "CONN_MAX_AGE": 60}},
    }
    names = started | own
    configure(names, tenant=["notes"], tenant_urlconf="teams.urls_tenant")
    left = outcomes(Outcome.LEFT)
    assert left.keys() == {
        "SESSION_ENGINE", "ALLOWED_HOSTS", "STORAGES['default']", "CACHES['own']['KEY_FUNCTION']",
        "TENANTS['TENANT_URLCONF']",
    }  # fmt: skip
    assert "would be 'tenants.isolation.sessions'" in left["SESSION_ENGINE"]
    for setting in ("SESSION_ENGINE", "ALLOWED_HOSTS", "STORAGES", "LOGGING"):
        assert names[setting] == own[setting], setting
    assert names["DATABASE_ROUTERS"] == ["tenants.isolation.router.TenantRouter", "teams.routers.Router"]
    assert names["CACHES"]["default"]["KEY_FUNCTION"] == "tenants.isolation.cache.cache_key"
    assert names["CACHES"]["own"]["KEY_FUNCTION"] == "teams.key"
    assert names["DATABASES"]["default"]["ENGINE"] == "tenants.postgresql"
    assert "pool" not in names["DATABASES"]["default"]["OPTIONS"]
    assert names["TENANTS"]["TENANT_URLCONF"] == "teams.urls"
    assert names["TENANTS"]["ORIGIN"] == "https://teams.example"


def test_second_call_changes_nothing(started: dict[str, Any]) -> None:
    configure(started, tenant=["notes"], database_url=URL)
    before = dict(started)
    configure(started, tenant=["notes"])
    assert started == before


def test_app_that_is_placed_elsewhere_is_not_common(started: dict[str, Any]) -> None:
    started["INSTALLED_APPS"] = [*started["INSTALLED_APPS"], "django.contrib.sites.apps.SitesConfig"]
    configure(started, shared=["django.contrib.admin"], tenant=["django.contrib.auth"], database_url=URL)
    common = ["django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites"]
    assert started["TENANTS"]["COMMON_APPS"] == common
    assert started["INSTALLED_APPS"].count("django.contrib.auth") == 1


def test_locale_middleware_is_replaced_in_its_place(started: dict[str, Any]) -> None:
    started["MIDDLEWARE"].insert(2, "django.middleware.locale.LocaleMiddleware")
    configure(started, database_url=URL)
    assert started["MIDDLEWARE"][3] == "tenants.http.locale.TenantLocaleMiddleware"


def test_impersonation_comes_before_the_engine_whose_command_it_replaces(started: dict[str, Any]) -> None:
    configure(started, shared=["tenants.contrib.limits", "tenants.contrib.impersonation"], database_url=URL)
    first = [f"tenants{part}" for part in (".contrib.impersonation", "", ".contrib.limits")]
    assert started["INSTALLED_APPS"][:3] == first


def test_procrastinate_brings_the_app_with_the_worker(started: dict[str, Any]) -> None:
    configure(started, shared=["procrastinate.contrib.django"], database_url=URL)
    assert "tenants.contrib.tasks" in started["INSTALLED_APPS"]
    assert started["TENANTS"]["SHARED_APPS"] == ["tenants", "procrastinate.contrib.django"]


def test_variants_bring_their_apps_and_loader(started: dict[str, Any]) -> None:
    configure(started, database_url=URL, variants="shop.variants")
    assert started["INSTALLED_APPS"][-len(variant_apps("shop.variants")) :] == variant_apps("shop.variants")
    (engine,) = started["TEMPLATES"]
    assert engine["OPTIONS"]["loaders"] == ["tenants.variants.templates.Loader"]
    assert "APP_DIRS" not in engine


@pytest.mark.parametrize(
    ("database_url", "text"),
    [
        ("", "DATABASES['default'] is not PostgreSQL (django.db.backends.sqlite3)"),
        ("postgresql://u:p@ss@h/x", "database_url is not a URL"),
        ("postgresql://u:secret@h", "database_url is not a URL"),
    ],
)
def test_database_that_cannot_be_is_refused_without_its_password(
    started: dict[str, Any], database_url: str, text: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configure(started, database_url=database_url)
    assert text in str(refused.value)
    assert "secret" not in str(refused.value)


def test_embedded_server_needs_a_folder(started: dict[str, Any]) -> None:
    del started["BASE_DIR"]
    with pytest.raises(ConfigurationError, match="BASE_DIR"):
        configure(started, database_url="embedded")


def test_cookies_of_an_https_origin_are_those_of_one_host(started: dict[str, Any]) -> None:
    """A page of a tenant can set other cookies for all hosts below the same domain."""
    started["LANGUAGE_COOKIE_NAME"] = "own"
    configure(started, tenant=["notes"], tenant_urlconf="x.urls", database_url=URL, origin="https://teams.example")
    assert started["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert started["CSRF_COOKIE_NAME"] == "__Host-csrftoken"
    assert started["SESSION_COOKIE_SECURE"] is started["CSRF_COOKIE_SECURE"] is True
    assert outcomes(Outcome.LEFT)["LANGUAGE_COOKIE_NAME"] == "would be '__Host-django_language'"
