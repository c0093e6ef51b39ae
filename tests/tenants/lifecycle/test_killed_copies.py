"""A killed clone, backup or restore leaves every shop old or new, and can be repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle import backup_tenant, purge_tenant
from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.models import Tenant
from tenants.postgresql.direct_connection import connect_directly
from tenants.registry.tenant_info import all_tenants
from tests.tenants.lifecycle.contents import contents, populate
from tests.waiting import eventually

OpenShop = Callable[..., TenantInfo]
NAME = "victim"
"""How PostgreSQL knows the sessions of the process that is killed."""
MOMENTS = (0.02, 0.3, 0.5, 0.65, 0.8, 0.9, 1)
"""How much of a step is done when it is killed."""


class Victim:
    """Another process, to be killed in the midst of a step."""

    def __init__(self, step: str) -> None:
        names = [connection.settings_dict["NAME"], str(settings.MEDIA_ROOT), step]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tenants.lifecycle.victim", *names],
            cwd=settings.BASE_DIR,
            env=os.environ | {"PGAPPNAME": NAME},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def attempt(self, how: str) -> str:
        """Let it try the step, and return how that ended once PostgreSQL has forgotten it, too."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{how}\n")
        self.process.stdin.flush()
        ended = self._line()
        assert eventually(is_forgotten)
        return ended

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


def is_forgotten() -> bool:
    """Tell whether PostgreSQL has ended all sessions of the victim and of the programs that it started."""
    with connect_directly() as session:
        asked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
        return not session.execute(asked, [NAME]).fetchall()


@pytest.fixture
def shop(open_shop: OpenShop) -> Iterator[TenantInfo]:
    """A shop with something in it; what is made of it is taken away as well."""
    tenant = open_shop()
    populate(tenant)
    with use_tenant(PLATFORM):
        before = set(Tenant.objects.values_list("pk", flat=True))
    yield tenant
    with use_tenant(PLATFORM):
        made = Tenant.objects.exclude(pk__in=before)
        made.update(status=Tenant.Status.DELETED)
        slugs = list(made.values_list("slug", flat=True))
    for slug in slugs:
        purge_tenant(slug)
    list(reconcile_tenants(drop_orphans=True))


@pytest.fixture
def victim_of() -> Iterator[Callable[[str], Victim]]:
    victims: list[Victim] = []

    def victim_of(step: str) -> Victim:
        victims.append(Victim(step))
        return victims[-1]

    yield victim_of
    for victim in victims:
        victim.process.communicate()


def platform() -> tuple[Any, ...]:
    """Return who is there, which schemas and which roles: all that is seen of a tenant from outside."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_' ORDER BY 1")
        schemas = cursor.fetchall()
        cursor.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, current_database() || '_') ORDER BY 1")
        return all_tenants(), schemas, cursor.fetchall()


def drop_tenant(tenant: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=tenant.id).update(status=Tenant.Status.DELETED)
    purge_tenant(tenant.slug)


def folders() -> set[str]:
    return {path.name for path in Path(settings.MEDIA_ROOT).glob("t_*")}


def scratch_databases() -> list[str]:
    with connect_directly() as session:
        found = session.execute(
            "SELECT datname FROM pg_database WHERE datname ~ ('^' || current_database() || '_rest')"
        )
        return [name for (name,) in found]


@pytest.mark.parametrize("step", ["clone_tenant('{slug}', 'second')", "restore_tenant('{backup}', 'second')"])
def test_killed_clone_or_restore_leaves_no_tenant_and_can_be_repeated(
    shop: TenantInfo, tmp_path: Path, victim_of: Callable[[str], Victim], step: str
) -> None:
    list(reconcile_tenants(drop_orphans=True))  # what other tests have left does not count here
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    before, inside, had = platform(), contents(shop), folders()
    victim = victim_of(step.format(slug=shop.slug, backup=backup))
    assert victim.attempt("count").startswith("done")
    drop_tenant(all_tenants(slug="second")[0])
    for moment in MOMENTS:
        assert victim.attempt(f"kill {moment}") == "killed"
        assert platform() == before
    assert contents(shop) == inside
    for moment in MOMENTS[1::2]:
        assert victim.attempt(f"cut {moment}").startswith("failed")
        assert platform() == before
    assert folders() > had, "a kill leaves the files it had copied"
    list(reconcile_tenants(drop_orphans=True))
    assert folders() == had
    assert victim.attempt("count").startswith("done")
    assert contents(all_tenants(slug="second")[0]) == inside == contents(shop)
    assert scratch_databases() == []


def test_a_killed_restore_over_a_shop_leaves_the_old_one_open(
    shop: TenantInfo, tmp_path: Path, victim_of: Callable[[str], Victim]
) -> None:
    inside = contents(shop)
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    victim = victim_of(f"restore_tenant('{backup}', '{shop.slug}', over=True)")
    assert victim.attempt("count").startswith("done")
    (current,) = all_tenants(slug=shop.slug)
    before = platform()
    for moment in MOMENTS[::2]:
        assert victim.attempt(f"kill {moment}") == "killed"
        assert platform() == before
    assert contents(current) == contents(shop) == inside
    assert victim.attempt("count").startswith("done")
    (newest,) = all_tenants(slug=shop.slug)
    assert len({shop.id, current.id, newest.id}) == 3
    assert contents(newest) == inside


def test_a_killed_backup_leaves_the_one_before_it(
    shop: TenantInfo, tmp_path: Path, victim_of: Callable[[str], Victim]
) -> None:
    path = tmp_path / "shop.tar"
    victim = victim_of(f"backup_tenant('{shop.slug}', '{path}')")
    assert victim.attempt("count").startswith("done")
    yesterday = path.read_bytes()
    before = platform()
    for moment in (*MOMENTS[::2], 0.95):
        assert victim.attempt(f"kill {moment}") == "killed"
        # Old, or new, when all that was missing is the entry in the log.
        assert path.read_bytes() == yesterday or moment > 0.9
        assert platform() == before
    assert victim.attempt("cut 0.1").startswith("failed")
    assert victim.attempt("count").startswith("done")
    assert [found.name for found in tmp_path.iterdir()] == ["shop.tar"]
