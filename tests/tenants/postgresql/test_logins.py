"""Logins: one that owns all schemas, or several members of an owner role, in a separate database."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

from tests.acceptance.test_worker import database_url

ROOT = Path(__file__).resolve().parents[3]
WHO = (
    "from django.db import connection\n"
    "with connection.cursor() as c:\n"
    "    c.execute('SELECT session_user, current_user, current_schema()'); print(*c.fetchone())"
)


@dataclass(frozen=True)
class Place:
    """A database, its owner role, two logins that are members of it, and one that is not."""

    name: str
    manage: Callable[..., subprocess.CompletedProcess[str]]

    def login(self, which: str) -> str:
        return f"{self.name}_{which}"


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any) -> dict[str, Any]:
    with django_db_blocker.unblock():
        params = {**connection.get_connection_params(), "dbname": "postgres"}
        url = database_url("{name}")
    return {"params": params, "url": url.replace("%7Bname%7D", "{name}")}


@pytest.fixture(scope="module")
def place(server: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A database that the first login migrated, with one tenant."""
    name = f"logins_{secrets.token_hex(4)}"
    data = tmp_path_factory.mktemp("data")
    user = quote(str(server["params"]["user"]), safe="")

    def manage(which: str, *words: str, assume: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        url = (
            server["url"]
            .format(name=name)
            .replace(f"//{user}@", f"//{name}_{which}@")
            .replace(f"//{user}:", f"//{name}_{which}:")
        )
        url += f"&assume_role={name}_owner" if assume else ""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "DJANGO", "SANGGA"))}
        return subprocess.run(
            [sys.executable, *(words if words[0] == "-c" else ("manage.py", *words))],
            cwd=ROOT,
            env={**kept, "DATABASE_URL": url, "SANGGA_DATA_DIR": str(data), **environment},
            capture_output=True,
            text=True,
            timeout=280,
        )

    with psycopg.connect(**server["params"], autocommit=True) as session:
        session.execute(f"CREATE ROLE {name}_owner NOLOGIN CREATEROLE CREATEDB".encode())
        # One inherits nothing: it can do what it has become, and no more.
        session.execute(f"CREATE ROLE {name}_first LOGIN IN ROLE {name}_owner".encode())
        session.execute(f"CREATE ROLE {name}_second LOGIN NOINHERIT IN ROLE {name}_owner".encode())
        session.execute(f"CREATE ROLE {name}_stranger LOGIN".encode())
        session.execute(f"CREATE DATABASE {name} OWNER {name}_owner".encode())
        try:
            for words in (["migrate", "-v0"], ["create_tenant", "acme"]):
                done = manage("first", *words)
                assert done.returncode == 0, done.stdout + done.stderr
            yield Place(name=name, manage=manage)
        finally:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            for (role,) in session.execute(
                "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [f"{name}_"]
            ).fetchall():
                session.execute(f'DROP ROLE "{role}"'.encode())


@pytest.mark.parametrize("pool", ["10", "0"], ids=["pool", "no pool"])
@pytest.mark.parametrize("which", ["first", "second"])
def test_every_login_that_is_a_member_serves_every_tenant(place: Place, which: str, pool: str) -> None:
    """With the pool it hung for ten seconds; only the login that created a tenant could use it."""
    done = place.manage(which, "run_in_tenant", "acme", "--", "shell", "-v0", "-c", WHO, SANGGA_POOL_SIZE=pool)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [place.login(which), f"{place.name}_t_1", "t_1"]


ALL_THERE_IS = """
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django; django.setup()
from django.core.management import call_command as call
from tenants import use_tenant
from tenants.lifecycle import TenantSpec, clone_tenant, create_tenant, delete_tenant, purge_tenant
from tenants.lifecycle.reconcile import reconcile_tenants
tenant = create_tenant(TenantSpec(slug="globex"))
clone_tenant("globex", "initech")
delete_tenant("globex")
purge_tenant("globex")
call("migrate", verbosity=0)
call("migrate_tenants", verbosity=0)
call("verify_tenants", verbosity=0)
call("check", databases=["default"])
assert list(reconcile_tenants()) == []
from tenants.registry.tenant_info import all_tenants
with use_tenant(all_tenants(slug="initech")[0].as_owner()):
    call("flush", interactive=False, verbosity=0)
"""


def test_a_login_that_inherits_nothing_can_do_all_that_there_is(place: Place) -> None:
    """Create, clone, purge, migrate, check, reconcile, flush; and psql."""
    done = place.manage("second", "-c", ALL_THERE_IS)
    assert done.returncode == 0, done.stdout + done.stderr
    shell = place.manage("second", "run_in_tenant", "acme", "--", "dbshell", "--", "-Atc", "SELECT current_user")
    assert (shell.returncode, shell.stdout.strip()) == (0, f"{place.name}_t_1"), shell.stderr


def test_what_one_login_opened_another_has(place: Place) -> None:
    """The tenant's role is granted to the owner role, not to the login that created the tenant."""
    assert place.manage("second", "create_tenant", "hooli").returncode == 0
    done = place.manage("first", "run_in_tenant", "hooli", "--", "shell", "-v0", "-c", WHO)
    assert done.stdout.split()[0] == place.login("first"), done.stderr


def test_a_login_that_was_rotated_owns_nothing(place: Place, server: dict[str, Any]) -> None:
    """DROP ROLE of the former login succeeds."""
    with psycopg.connect(**server["params"], autocommit=True) as session:
        session.execute(f"CREATE ROLE {place.name}_old LOGIN IN ROLE {place.name}_owner".encode())
        assert place.manage("old", "create_tenant", "umbrella").returncode == 0
        session.execute(f"DROP ROLE {place.name}_old".encode())
    done = place.manage("first", "run_in_tenant", "umbrella", "--", "shell", "-v0", "-c", WHO)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["list_tenants"], ["migrate"], ["check", "--database", "default"]], ids=" ".join)
def test_a_login_that_is_no_member_is_refused_in_a_line(place: Place, words: list[str]) -> None:
    """At once, with and without a pool."""
    done = place.manage("stranger", *words)
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(said) == 1, done.stderr
    assert f'GRANT "{place.name}_owner" TO "{place.login("stranger")}"' in said[0]


@pytest.mark.parametrize("words", [["list_tenants"], ["run_in_tenant", "acme", "--", "shell", "-c", "1"]], ids=" ".join)
def test_a_login_with_too_few_rights_is_refused_in_a_line(place: Place, words: list[str]) -> None:
    """Without assume_role it has no privilege of the owner."""
    done = place.manage("stranger", *words, assume=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "assume_role" in done.stderr


def test_the_check_names_what_a_login_may_not(place: Place) -> None:
    """tenants.E029 reports it before other errors."""
    done = place.manage("stranger", "check", "--database", "default", assume=False)
    assert done.returncode == 1
    assert "tenants.E029" in done.stderr
    assert f"may not act as '{place.name}_t_" in done.stderr
