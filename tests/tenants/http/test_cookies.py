"""Cookies belong to one host, and with HTTPS no other host can set them for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings

from tenants import TenantInfo, use_tenant
from tenants.http.maintenance_bypass import bypass_link
from tenants.lifecycle import suspend_tenant
from tenants.registry.lookup import registry

NAMES = ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME"]
ALL = [*NAMES, *(name.replace("NAME", what) for name in NAMES for what in ("SECURE", "SAMESITE", "DOMAIN", "PATH"))]


def settings_at(origin: str) -> dict[str, Any]:
    """Return the settings of cookies that a process has whose platform is at `origin`."""
    code = f"import json; from django.conf import settings as s; print(json.dumps({{n: getattr(s, n) for n in {ALL}}}))"
    environment = {**os.environ, "SANGGA_ORIGIN": origin, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def with_https() -> dict[str, Any]:
    return settings_at("https://shops.example")


def test_names_are_host_only_with_https_and_plain_without(with_https: dict[str, Any]) -> None:
    assert all(with_https[name].startswith("__Host-") for name in NAMES)
    assert all(with_https[name.replace("NAME", "SECURE")] for name in NAMES)
    without = settings_at("http://localhost:8000")
    assert not any(without[name].startswith("__") for name in NAMES)
    assert not any(without[name.replace("NAME", "SECURE")] for name in NAMES)


def cookies_of(tenant: TenantInfo) -> Any:
    client = Client(HTTP_HOST=tenant.host)
    assert client.get("/admin/login/", secure=True).status_code == 200
    assert client.post("/i18n/setlang/", {"language": "ko", "next": "/"}, secure=True).status_code == 302
    signed_in = client.post("/admin/login/", {"username": "owner@acme.example", "password": "acme-pass"}, secure=True)
    assert signed_in.status_code == 302
    suspended = suspend_tenant(tenant.slug)
    registry.clear()
    assert client.get(bypass_link(suspended).partition(tenant.host)[2].lstrip(":0123456789"), secure=True)
    return client.cookies


def test_what_a_shop_sets_is_what_such_a_name_demands(acme: TenantInfo, with_https: dict[str, Any]) -> None:
    with use_tenant(acme):
        owner = User.objects.get(email="owner@acme.example")
        owner.set_password("acme-pass")
        owner.save()
    with override_settings(**with_https):
        cookies = cookies_of(acme)
    assert set(cookies) == {*(with_https[name] for name in NAMES), "__Host-sangga_bypass"}
    for name, morsel in cookies.items():
        assert name.startswith("__Host-")
        assert morsel["secure"]
        assert morsel["path"] == "/"
        assert morsel["domain"] == ""
        assert morsel["samesite"] == "Lax"
    assert cookies[with_https["SESSION_COOKIE_NAME"]]["httponly"]


def test_no_cookie_has_a_domain_without_https_either() -> None:
    assert all(getattr(settings, name.replace("NAME", "DOMAIN")) is None for name in NAMES)
