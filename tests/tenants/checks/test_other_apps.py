"""Checks of third-party apps. tests/apps runs them with the apps themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.core.files.storage import FileSystemStorage
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from tenants.checks import other_apps
from tenants.isolation.storage import TenantFileSystemStorage
from tests.tenants.checks.test_checks import ids

LAYER = "tenants.contrib.channels.layers.TenantChannelLayer"
PLAIN_LAYER = "tests.tenants.contrib.channels.test_layers.MemoryLayer"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes an app count as installed, which the tests' environment lacks."""
    original = apps.is_installed

    def as_installed(name: str) -> None:
        monkeypatch.setattr(apps, "is_installed", lambda asked: asked == name or original(asked))

    return as_installed


@isolate_apps("shop.goods")
def test_a_file_field_with_a_folder_for_all_tenants_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Drawing(models.Model):  # noqa: DJ008
        shared = models.FileField(storage=FileSystemStorage("/tmp"))
        own = models.FileField(storage=TenantFileSystemStorage())
        default = models.FileField()

        class Meta:
            app_label = "goods"

    monkeypatch.setattr(apps, "get_models", lambda: [Drawing])
    found = list(other_apps.check_file_fields())
    assert ids(found) == ["tenants.E040"]
    assert "shared" in found[0].msg


def test_thumbnails_of_all_tenants_in_one_folder_are_an_error(install: Any) -> None:
    install("easy_thumbnails")
    assert ids(other_apps.check_thumbnails()) == [], "without the alias they are in the default storage"
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    own = {"BACKEND": "tenants.isolation.storage.TenantFileSystemStorage"}
    for each, expected in ((storage, ["tenants.E040"]), (own, [])):
        with override_settings(STORAGES={"default": own, "staticfiles": own, "easy_thumbnails": each}):
            assert ids(other_apps.check_thumbnails()) == expected


@pytest.mark.parametrize(
    ("backend", "expected"), [(PLAIN_LAYER, ["tenants.E041"]), (LAYER, []), ("nothing.Layer", ["tenants.E041"])]
)
def test_a_channel_layer_of_all_tenants_is_an_error(backend: str, expected: list[str]) -> None:
    with override_settings(CHANNEL_LAYERS={"default": {"BACKEND": backend}}):
        assert ids(other_apps.check_channel_layers()) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["tenants.E042"]),
        ({"CACHEOPS_PREFIX": lambda query: "one"}, ["tenants.E042"]),
        ({"CACHEOPS_PREFIX": "tenants.isolation.cache.tenant_prefix"}, []),
        ({"CACHEOPS_PREFIX": lambda query: query.db}, []),
        ({"CACHEOPS_ENABLED": False}, []),
    ],
)
def test_keys_of_cacheops_for_all_tenants_are_an_error(
    install: Any, settings: dict[str, Any], expected: list[str]
) -> None:
    assert ids(other_apps.check_cacheops()) == []
    install("cacheops")
    with override_settings(**settings):
        assert ids(other_apps.check_cacheops()) == expected


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        (None, ["tenants.E043"]),
        ("constance.backends.redisd.CachingRedisBackend", ["tenants.E043"]),
        ("constance.backends.memory.MemoryBackend", ["tenants.E043"]),
        ("constance.backends.database.DatabaseBackend", []),
    ],
)
def test_values_of_constance_for_all_tenants_are_an_error(
    install: Any, backend: str | None, expected: list[str]
) -> None:
    install("constance")
    with override_settings(**({"CONSTANCE_BACKEND": backend} if backend else {})):
        assert ids(other_apps.check_constance()) == expected


@pytest.mark.parametrize(
    ("app", "warning", "remedy"),
    [
        (
            "import_export", "tenants.W010",
            {"IMPORT_EXPORT_TMP_STORAGE_CLASS": "import_export.tmp_storages.MediaStorage"},
        ),
        (
            "debug_toolbar", "tenants.W011",
            {"DEBUG_TOOLBAR_CONFIG": {"TOOLBAR_STORE_CLASS": "debug_toolbar.store.DatabaseStore"}},
        ),
        ("django_q", "tenants.W012", {"Q_CLUSTER": {"orm": "default"}}),
    ],
)  # fmt: skip
def test_a_store_of_all_tenants_is_a_warning(install: Any, app: str, warning: str, remedy: dict[str, Any]) -> None:
    assert ids(other_apps.check_stores()) == []
    install(app)
    assert ids(other_apps.check_stores()) == [warning]
    with override_settings(**remedy):
        assert ids(other_apps.check_stores()) == []
