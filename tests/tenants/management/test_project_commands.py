"""Commands for a project's developers: tenant_shell, show_tenant_settings and runserver."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tenants import PLATFORM, TenantInfo, configuration, configure, use_tenant
from tenants.management.commands import runserver
from tenants.models import Tenant
from tests.typed import Manage

ROOT = Path(__file__).resolve().parents[3]
SECRET = "a-secret-of-this-test-that-is-long-enough-for-django"


# --- tenant_shell


def test_tenant_shell_runs_code_in_the_tenant(manage: Manage, acme: TenantInfo) -> None:
    code = "from tenants import current_tenant; print(current_tenant().schema)"
    ended = manage("tenant_shell", "acme", "-v", "0", "--no-imports", "-c", code)
    assert (ended.code, ended.out.split()) == (0, [acme.schema])
    ended = manage("tenant_shell", "--platform", "-v", "0", "--no-imports", "-c", code)
    assert ended.out.split() == ["public"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "give either SLUG or --platform"),
        (["acme", "--platform"], "give either SLUG or --platform"),
        (["nowhere"], "nowhere"),
    ],
)
def test_tenant_shell_without_one_tenant_is_refused_in_a_line(manage: Manage, words: list[str], text: str) -> None:
    ended = manage("tenant_shell", *words, "-c", "print('ran')")
    assert ended.code == 1
    assert text in ended.err
    assert "ran" not in ended.out


def test_tenant_shell_names_the_tenant_in_the_prompt(committed: None, acme: TenantInfo, tmp_path: Path) -> None:
    address = connection.get_connection_params()
    terminal, inside = pty.openpty()
    words = ["tenant_shell", "acme", "--no-imports", "-i", "python"]
    shell = subprocess.Popen(
        [sys.executable, "-c", _SHELL.format(name=address["dbname"]), *words],
        cwd=ROOT, stdin=inside, stdout=inside, stderr=inside, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    os.close(inside)
    printed = b""
    while b">>> " not in printed and (chunk := _read(terminal)):
        printed += chunk
    os.write(terminal, b"exit()\n")
    while _read(terminal):
        pass
    os.close(terminal)
    assert shell.wait() == 0, printed
    assert f"In acme (schema {acme.schema}).".encode() in printed
    assert b"acme>>> " in printed


_SHELL = """
import os, sys, django
from django.conf import settings
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
settings.DATABASES["default"]["NAME"] = {name!r}
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


# --- show_tenant_settings


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(configuration, "_entries", [])
    return {
        "SECRET_KEY": SECRET,
        "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
        "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "x", "PASSWORD": SECRET}},
    }


def test_show_tenant_settings_without_the_call_says_so(manage: Manage, configured: dict[str, Any]) -> None:
    ended = manage("show_tenant_settings")
    assert ended.out == "tenants.configure was not called: all settings are the project's own.\n"


def test_show_tenant_settings_prints_what_was_set_and_left(manage: Manage, configured: dict[str, Any]) -> None:
    configure(configured, tenant=["notes"])
    ended = manage("show_tenant_settings", "--values")
    assert ended.code == 0
    assert "Left as the project has it:\n  SESSION_ENGINE: would be 'tenants.isolation.sessions'" in ended.out
    assert "DATABASE_ROUTERS\n" in ended.out
    assert "SECRET_KEY: wrapped in TenantSecretKey" in ended.out
    assert SECRET not in ended.out


# --- runserver


def test_runserver_prints_the_first_tenants_and_the_number_of_others(
    acme: TenantInfo, globex: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with use_tenant(PLATFORM):
        others = Tenant.objects.filter(status="active").count() - 1
    monkeypatch.setattr(runserver, "_SHOWN", 1)
    first, *middle, last = runserver._addresses(8123)
    assert first == "  http://localhost:8123/  the platform"
    assert middle == ["  http://acme.localhost:8123/  acme"]
    assert last == f"  and {others} more tenants: manage.py list_tenants"


def test_runserver_without_tenants_says_how_to_create_one(acme: TenantInfo, db: None) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.update(status="suspended")
    assert runserver._addresses(8000)[-1] == "  No tenants yet: manage.py create_tenant SLUG"
