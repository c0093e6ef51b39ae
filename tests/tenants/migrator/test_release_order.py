"""Two releases together: operations go to the release that started them, and older code changes no newer record."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.admin.operation_progress import panel_of
from tenants.errors import TenantAhead
from tenants.lifecycle import clone_tenant, set_variant
from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.graph import chosen_targets
from tenants.migrator.release_order import newer_releases, note_release
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.migrator.verify import verify
from tenants.models import Operation, Release, SchemaState
from tenants.models.code_release import release
from tenants.tasks import run_operation, start_operation
from tenants.tasks.queue import has_worker, jobs, operations_queue, queues
from tenants.tasks.recovery import StalledTaskRecovery
from tests.acceptance.test_worker import StartWorker, database_url, kill, start_worker, wait_for

__all__ = ["start_worker"]
OpenShop = Callable[..., TenantInfo]
ROOT = Path(__file__).resolve().parents[3]
OTHER = "f" * 64


@pytest.fixture(autouse=True)
def queue(committed: None) -> Iterator[None]:
    yield
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs; DELETE FROM tenants_operation")
        Release.objects.exclude(fingerprint=release()).delete()
        note_release()


@pytest.fixture
def newer(committed: None) -> Release:
    """A release that has migrated the control plane after ours."""
    with use_tenant(PLATFORM):
        return Release.objects.create(fingerprint=OTHER, migrated_at=timezone.now() + timedelta(hours=1))


def of_other_release() -> Operation:
    operation = start_operation("migrate")
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
        Operation.objects.filter(pk=operation.pk).update(release=OTHER)
    return operation


def after(operation: Operation) -> Operation:
    with use_tenant(PLATFORM):
        return Operation.objects.get(pk=operation.pk)


def migrate_by_newer(tenant: TenantInfo, by: str = OTHER) -> None:
    """Leave a schema and its record as a newer release does, which has one migration more."""
    with use_tenant(tenant.as_owner()), connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('ledger', '0099_newer', now())")
    with use_tenant(PLATFORM):
        SchemaState.objects.filter(tenant_id=tenant.id).update(fingerprint="of the newer", release=by)


def state_of(tenant: TenantInfo) -> tuple[str, str]:
    with use_tenant(PLATFORM):
        return SchemaState.objects.values_list("fingerprint", "outcome").get(tenant_id=tenant.id)


def test_an_operation_waits_for_a_worker_of_its_release() -> None:
    """Fault 51: another release's worker takes it from no queue; if given it, it puts it into the right one."""
    operation = of_other_release()
    run_operation(operation.pk)
    assert after(operation).state == "waiting"
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        assert list(jobs("todo")) == [operation.pk]
        cursor.execute("SELECT queue_name FROM procrastinate_jobs")
        assert cursor.fetchone() == (operations_queue(OTHER),)
    assert operations_queue(OTHER) not in queues()


def test_the_page_of_an_operation_says_that_its_release_has_no_worker() -> None:
    """Fault 51: a clear state where there is no worker of the right release."""
    operation = of_other_release()
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
        assert panel_of(after(operation))["lacks_release"]
        Release.objects.create(fingerprint=OTHER, worker_at=timezone.now())
        assert has_worker(OTHER)
        assert not panel_of(after(operation))["lacks_release"]
        cursor.execute("DELETE FROM procrastinate_workers")
        assert panel_of(after(operation))["lacks_worker"]


def test_an_operation_without_a_worker_of_its_release_is_failed_in_the_end() -> None:
    """Fault 51: it does not block its tenant's next work for ever."""
    now = [0.0]
    operation = of_other_release()
    lost_and_found = StalledTaskRecovery(clock=lambda: now[0])
    for now[0] in (0.0, 300.0, 599.0):
        lost_and_found.recover()
        assert after(operation).state == "waiting"
    now[0] = 601.0
    lost_and_found.recover()
    row = after(operation)
    assert row.state == "failed"
    assert OTHER[:12] in row.error


def test_the_same_work_of_another_release_is_another_operation() -> None:
    """Fault 51: what an old release has asked for does not stand for what the new one asks."""
    operation = of_other_release()
    assert start_operation("migrate") != operation


def test_reconcile_leaves_the_record_of_unknown_migrations(open_shop: OpenShop, newer: Release) -> None:
    """Fault 51: an old check does not rewrite what it does not know, and says so."""
    shop = open_shop()
    migrate_by_newer(shop)
    said = [line for line in reconcile_tenants() if line.startswith(shop.slug)]
    assert len(said) == 1
    assert "ledger.0099_newer" in said[0]
    assert state_of(shop) == ("of the newer", "migrated")
    assert [finding.what.split(",")[0] for finding in verify([shop])] == ["it is newer than this code"]


def test_reconcile_keeps_records_of_unknown_migrations(open_shop: OpenShop) -> None:
    """Fault 51: also where the release that wrote them did not say which it was."""
    shop = open_shop()
    migrate_by_newer(shop, by=release())
    list(reconcile_tenants())
    assert state_of(shop) == ("of the newer", "migrated")


def test_a_record_of_an_older_release_is_corrected(open_shop: OpenShop) -> None:
    """Fault 51: records of squashed migrations are harmless."""
    shop = open_shop()
    with use_tenant(PLATFORM):
        Release.objects.create(fingerprint=OTHER, migrated_at=timezone.now() - timedelta(days=30))
    migrate_by_newer(shop)
    list(reconcile_tenants())
    assert state_of(shop)[0] != "of the newer"


def test_an_older_release_neither_migrates_nor_marks_what_is_newer(open_shop: OpenShop, newer: Release) -> None:
    """Fault 51: such a tenant is not behind; asked by name, it is refused and its record stays."""
    shop = open_shop()
    migrate_by_newer(shop)
    assert newer_releases() == [OTHER]
    assert find_behind(pk=shop.id) == (1, [])
    for targets in (None, tuple(chosen_targets("ledger", "0001"))):
        [outcome] = Run([shop], RunOptions(targets=targets))
        assert "newer than this code" in outcome.error
    assert state_of(shop) == ("of the newer", "migrated")


def test_an_older_release_neither_clones_nor_changes_what_is_newer(open_shop: OpenShop, newer: Release) -> None:
    """Fault 51: operations that depend on the code refuse a newer schema."""
    shop = open_shop()
    migrate_by_newer(shop)
    with pytest.raises(TenantAhead):
        set_variant(shop.slug, "grocer")
    with pytest.raises(TenantAhead):
        clone_tenant(shop.slug, "clone-of-newer")
    assert state_of(shop) == ("of the newer", "migrated")


def test_an_old_worker_process_leaves_new_work_to_a_new_one(start_worker: StartWorker, open_shop: OpenShop) -> None:
    """Fault 51: processes of two releases on one database; and the old one's reconcile changes nothing."""
    shop, current = open_shop(), open_shop()
    list(Run([shop], RunOptions(targets=tuple(chosen_targets("ledger", "0001")))))
    old = start_worker(settings="tests.older_settings")
    operation = start_operation("migrate", slugs=[shop.slug])
    mark = start_operation("backup", current.slug)
    with use_tenant(PLATFORM):
        Operation.objects.filter(pk=mark.pk).update(release="")  # this one any worker takes, and ends
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_jobs SET queue_name = 'default' WHERE args->'operation' = to_jsonb(%s)", [mark.pk]
            )
    wait_for(mark, "failed")
    assert after(operation).state == "waiting"
    before = state_of(current)
    environment = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.older_settings"}
    command = [sys.executable, "-m", "django", "reconcile_tenants"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert state_of(current) == before
    start_worker()
    assert wait_for(operation, "done").report["migrated"] == 1
    kill(old)
