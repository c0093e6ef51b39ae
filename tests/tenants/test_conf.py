"""`TENANTS` is read at use and normalized; invalid keys are named."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

import tenants
from tenants.conf import TenancySettings, check_all_settings, groups, tenancy
from tenants.contrib.mounts.conf import mount_settings
from tenants.errors import ConfigurationError
from tenants.names import RESERVED_SLUGS


def test_without_the_setting_every_key_has_its_default() -> None:
    with override_settings(TENANTS={}):
        assert tenancy() == TenancySettings()


def test_it_is_read_at_call_and_not_at_import() -> None:
    before = tenancy()
    with override_settings(TENANTS={"PATH_PREFIX": "t", "SHARED_APPS": ["a", "b"], "REGISTRY_SECONDS": 5}):
        assert tenancy().path_prefix == "t"
        assert tenancy().shared_apps == ("a", "b")
        assert tenancy().registry_seconds == 5
    assert tenancy() == before


def test_an_unknown_key_is_an_error_that_names_the_nearest_known() -> None:
    with (
        override_settings(TENANTS={"PATH_PREFX": "t"}),
        pytest.raises(ConfigurationError, match=r"'PATH_PREFX'.*'PATH_PREFIX'") as refused,
    ):
        tenancy()
    assert isinstance(refused.value, ImproperlyConfigured), "Django's commands print such an error without a traceback"


def test_an_unknown_key_with_no_neighbour_is_an_error_that_lists_all() -> None:
    with override_settings(TENANTS={"XYZZY": 1}), pytest.raises(ConfigurationError, match=r"ORIGIN.*TENANT_URLCONF"):
        tenancy()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SHARED_APPS", "tenants"),  # a forgotten comma: ("tenants")
        ("STEPS", ["a.b", None]),
        ("TENANT_URLCONF", ["config.urls"]),
        ("TENANT_URLCONF", None),
        ("ROLE_PER_TENANT", "false"),
        ("REGISTRY_SIZE", "10"),
        ("REGISTRY_SIZE", True),
        ("REGISTRY_SECONDS", None),
        ("ORIGIN", "localhost:8000"),
        ("ORIGIN", "//localhost"),
        ("ORIGIN", "ftp://localhost"),
        ("ORIGIN", "http://"),
        ("ORIGIN", "http://my_host"),
        ("ORIGIN", "http://localhost:99999"),
        ("ORIGIN", "http://localhost/shops"),
        ("PLATFORM_HOSTS", ["http://localhost"]),
        ("PATH_PREFIX", "a/b"),
    ],
)
def test_a_value_that_cannot_work_is_an_error_that_names_its_key(key: str, value: Any) -> None:
    with override_settings(TENANTS={key: value}), pytest.raises(ConfigurationError, match=key):
        tenancy()


def test_hosts_and_prefix_are_brought_to_their_one_spelling() -> None:
    with override_settings(
        TENANTS={
            "ORIGIN": "https://Shops.Example.",
            "PLATFORM_HOSTS": ["Admin.Example", "[0::1]"],
            "PATH_PREFIX": "/t/",
        }
    ):
        assert tenancy().base_domain == "shops.example"
        assert tenancy().platform_hosts == ("admin.example", "[::1]")
        assert tenancy().path_prefix == "t"


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("http://localhost:8000", "http://acme.example:8000/x?y=1"),
        ("https://shops.example", "https://acme.example/x?y=1"),
        ("https://shops.example:443", "https://acme.example:443/x?y=1"),
    ],
)
def test_an_address_has_the_scheme_and_the_port_of_the_origin(origin: str, url: str) -> None:
    with override_settings(TENANTS={"ORIGIN": origin}):
        assert tenancy().url_of("acme.example", "/x?y=1") == url


def test_reserved_slugs_are_added_to_ours() -> None:
    with override_settings(TENANTS={"RESERVED_SLUGS": ["acme"]}):
        assert tenancy().all_reserved_slugs == RESERVED_SLUGS | {"acme"}


# --- Keys of contrib apps


def test_keys_of_an_app_are_read_by_its_own_function() -> None:
    with override_settings(TENANTS={"MOUNTS_KEPT": 5, "MOUNTS_SECONDS": 2}):
        assert (mount_settings().mounts_kept, mount_settings().mounts_seconds) == (5, 2.0)
        assert not hasattr(tenancy(), "mounts_kept")


def test_an_unknown_key_suggests_the_key_of_an_app() -> None:
    with override_settings(TENANTS={"MOUNT_KEPT": 5}), pytest.raises(ConfigurationError, match="'MOUNTS_KEPT'"):
        tenancy()


def test_a_key_of_an_app_that_is_not_installed_is_unknown() -> None:
    code = """
from tests import settings
settings.INSTALLED_APPS.remove("tenants.contrib.gateway")
import django; django.setup()
from tenants.conf import tenancy; tenancy()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "TENANTS has an unknown key: 'GATEWAY_" in done.stderr
    assert "INSTALLED_APPS" in done.stderr


@pytest.mark.parametrize(("key", "value"), [("MOUNTS", {"a": 1}), ("OTLP_ENDPOINT", 1), ("API_SUNSET", ["v1=soon"])])
def test_a_wrong_value_of_an_app_is_an_error_that_names_its_key(key: str, value: Any) -> None:
    with override_settings(TENANTS={key: value}), pytest.raises(ConfigurationError, match=key):
        check_all_settings()


def test_every_group_belongs_to_an_installed_app_and_no_key_to_two() -> None:
    keys = [key.name for group in groups() for key in fields(group)]
    assert len(keys) == len(set(keys))
    assert {group.__module__ for group in groups()} == {
        "tenants.conf",
        *(
            f"tenants.contrib.{file.parent.name}.conf"
            for file in Path(tenants.__file__).parent.glob("contrib/*/conf.py")
        ),
    }
