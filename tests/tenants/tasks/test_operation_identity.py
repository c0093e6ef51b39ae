"""Operations apply to the tenant and deletion for which they were started, even if another tenant has the slug."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.errors import TenantLocked
from tenants.lifecycle import (
    backup_tenant,
    delete_tenant,
    deletions_due,
    purge_tenant,
    rename_tenant,
    restore_tenant,
    set_variant,
    sign_out_tenant,
    undelete_tenant,
)
from tenants.lifecycle.audit import acting_as
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.models import Operation, Tenant
from tenants.tasks import run_operation, start_operation
from tenants.tasks.backup_files import backup_files
from tenants.tasks.queue import FORMER_TASK, TASK
from tests.ledger.models import Account

OpenShop = Callable[..., TenantInfo]


@pytest.fixture(autouse=True)
def queue(committed: None) -> Iterator[None]:
    yield
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs; DELETE FROM tenants_operation")


@pytest.fixture
def shop(open_shop: OpenShop) -> TenantInfo:
    return open_shop("wa")


def after(operation: Operation) -> Operation:
    with use_tenant(PLATFORM):
        return Operation.objects.get(pk=operation.pk)


def run(operation: Operation) -> Operation:
    run_operation(operation.pk)
    return after(operation)


def status_of(tenant: TenantInfo) -> str:
    with use_tenant(PLATFORM):
        found = Tenant.objects.filter(pk=tenant.id).first()
        return str(found.status) if found else "gone"


def give_slug_to_stranger(shop: TenantInfo, open_shop: OpenShop) -> TenantInfo:
    """Rename the shop, and open another one under its old slug."""
    rename_tenant(shop.slug, "wb")
    return open_shop("wa")


def test_a_queued_purge_does_not_touch_a_stranger_with_the_slug(shop: TenantInfo, open_shop: OpenShop) -> None:
    """Fault 45: the purge was asked for `wa`, which came back as `wb`; the new, deleted `wa` keeps its grace."""
    delete_tenant("wa")
    operation = start_operation("purge", "wa")
    undelete_tenant("wa")
    stranger = give_slug_to_stranger(shop, open_shop)
    delete_tenant("wa")
    row = run(operation)
    assert (row.state, row.error) == ("failed", str(TenantNotFound("wa", "brought back")))
    assert (status_of(shop), status_of(stranger)) == ("active", "deleted")


def test_a_queued_purge_does_not_end_the_grace_of_a_later_deletion(shop: TenantInfo) -> None:
    """Fault 45: brought back and deleted again, a tenant has its days of grace again."""
    delete_tenant("wa")
    operation = start_operation("purge", "wa")
    undelete_tenant("wa")
    delete_tenant("wa")
    assert run(operation).state == "failed"
    assert status_of(shop) == "deleted"
    assert start_operation("purge", "wa") != operation
    assert run(start_operation("purge", "wa")).state == "done"
    assert status_of(shop) == "gone"


def test_a_purge_asked_for_before_the_deletion_fails(shop: TenantInfo) -> None:
    """Fault 45: what was no deletion when it was asked for is none that was meant."""
    operation = start_operation("purge", "wa")
    delete_tenant("wa")
    assert run(operation).state == "failed"
    assert status_of(shop) == "deleted"


def test_a_second_purge_is_another_one_for_a_later_deletion(shop: TenantInfo) -> None:
    """Fault 45: duplicates go by the deletion, and of one deletion there is one purge."""
    delete_tenant("wa")
    first = start_operation("purge", "wa")
    assert start_operation("purge", "wa") == first
    undelete_tenant("wa")
    delete_tenant("wa")
    assert start_operation("purge", "wa") != first


def test_a_queued_clone_copies_the_tenant_that_was_meant(
    shop: TenantInfo, open_shop: OpenShop, drop_tenant: Callable[[TenantInfo], None]
) -> None:
    """Fault 45: clone goes by id, whichever slug its source has by now."""
    with use_tenant(shop):
        Account.objects.create(name="of the first")
    operation = start_operation("clone", "wa", new_slug="wa-twin")
    give_slug_to_stranger(shop, open_shop)
    assert run(operation).error == ""
    from tenants.registry.lookup import tenant_by_slug

    clone = tenant_by_slug("wa-twin")
    try:
        with use_tenant(clone):
            assert Account.objects.get().name == "of the first"
    finally:
        drop_tenant(clone)


def test_a_queued_restore_over_does_not_replace_a_stranger(
    shop: TenantInfo, open_shop: OpenShop, tmp_path: Path
) -> None:
    """Fault 45: restore --over replaces neither a new tenant of that slug nor the renamed one, and says so."""
    file = backup_tenant("wa", tmp_path / "wa.tar")
    operation = start_operation("restore", "wa", file=str(file), over=True)
    stranger = give_slug_to_stranger(shop, open_shop)
    row = run(operation)
    assert row.state == "failed"
    assert "renamed" in row.error
    assert (status_of(shop), status_of(stranger)) == ("active", "active")


def test_a_restore_over_goes_by_the_id_while_it_loads(
    shop: TenantInfo, open_shop: OpenShop, tmp_path: Path, drop_tenant: Callable[[TenantInfo], None]
) -> None:
    """Fault 45: renamed while its backup is read, a tenant is replaced under the slug that it has then."""
    file = backup_tenant("wa", tmp_path / "wa.tar")
    strangers: list[TenantInfo] = []

    def meanwhile(done: int, total: int) -> None:
        if not strangers:
            from threading import Thread

            def rename() -> None:
                strangers.append(give_slug_to_stranger(shop, open_shop))
                connection.close()

            thread = Thread(target=rename)
            thread.start()
            thread.join()

    restored = restore_tenant(file, "wa", over=True, progress=meanwhile)
    try:
        assert restored.slug == "wb"
        assert (status_of(shop), status_of(strangers[0])) == ("deleted", "active")
    finally:
        drop_tenant(restored)


def test_a_queued_variant_is_not_given_to_a_stranger(shop: TenantInfo, open_shop: OpenShop) -> None:
    """Fault 45: set_variant goes by id."""
    operation = start_operation("variant", "wa", variant="grocer")
    stranger = give_slug_to_stranger(shop, open_shop)
    assert run(operation).error == ""
    with use_tenant(PLATFORM):
        variants = dict(Tenant.objects.filter(pk__in=[shop.id, stranger.id]).values_list("pk", "variant"))
    assert variants == {shop.id: "grocer", stranger.id: "default"}


def test_a_queued_backup_is_of_the_tenant_that_was_meant(
    shop: TenantInfo, open_shop: OpenShop, tmp_path: Path, settings: Any
) -> None:
    """Fault 45: backup uses the id, and its file name has the schema, since two tenants may have had the slug."""
    settings.TENANTS = {**settings.TENANTS, "BACKUP_DIR": str(tmp_path)}
    operation = start_operation("backup", "wa")
    give_slug_to_stranger(shop, open_shop)
    assert run(operation).error == ""
    [file] = backup_files()
    assert file.name.startswith(f"wb-{shop.schema}-")


def test_a_queued_migration_is_of_the_tenants_that_were_named(shop: TenantInfo, open_shop: OpenShop) -> None:
    """Fault 45: the slugs that a migration names are looked up when it is asked for."""
    list(Run([shop], RunOptions(targets=tuple(chosen_targets("ledger", "0001")))))
    call_command("migrate_tenants", tenant=["wa"], background=True, stdout=StringIO(), stderr=StringIO())
    with use_tenant(PLATFORM):
        operation = Operation.objects.get()
    stranger = give_slug_to_stranger(shop, open_shop)
    list(Run([stranger], RunOptions(targets=tuple(chosen_targets("ledger", "0001")))))
    assert run(operation).state == "done"
    assert {tenant.id for tenant in find_behind(pk__in=[shop.id, stranger.id])[1]} == {stranger.id}


def test_work_of_a_renamed_tenant_is_still_its_work(shop: TenantInfo, open_shop: OpenShop) -> None:
    """Fault 45: locks, duplicates and "has other work" go by id, not by a slug that changes hands."""
    operation = start_operation("backup", "wa")
    stranger = give_slug_to_stranger(shop, open_shop)
    assert start_operation("backup", "wb") == operation
    other = start_operation("backup", "wa")
    assert other != operation
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT lock FROM procrastinate_jobs ORDER BY id")
        assert [lock for (lock,) in cursor.fetchall()] == [f"tenant {shop.id}", f"tenant {stranger.id}"]
        Operation.objects.filter(pk=other.pk).delete()
    with pytest.raises(TenantLocked):
        set_variant("wb", "grocer")
    set_variant("wa", "grocer")


def test_what_another_did_is_not_taken_for_what_an_operation_did(shop: TenantInfo) -> None:
    """Fault 45: "was done" asks for this operation, not for a like act of the same person on the same slug."""
    with acting_as("operator mia"):
        operation = start_operation("variant", "wa", variant="grocer")
        set_variant_then_back("wa")
    with use_tenant(PLATFORM):
        Operation.objects.filter(pk=operation.pk).update(state="running", started_at=timezone.now())
    assert run(operation).error == ""
    with use_tenant(PLATFORM):
        assert Tenant.objects.get(pk=shop.id).variant == "grocer"


def set_variant_then_back(slug: str) -> None:
    for variant in ("grocer", "default"):
        with use_tenant(PLATFORM):
            Operation.objects.update(state="done")
        set_variant(slug, variant)
        with use_tenant(PLATFORM):
            Operation.objects.update(state="waiting")


def test_a_sign_out_does_not_stop_what_goes_by_the_id(shop: TenantInfo, tmp_path: Path, settings: Any) -> None:
    """Fault 45: a new epoch matters where a tenant is replaced, and nowhere else."""
    settings.TENANTS = {**settings.TENANTS, "BACKUP_DIR": str(tmp_path)}
    operation = start_operation("backup", "wa")
    sign_out_tenant("wa")
    assert run(operation).state == "done"


@pytest.mark.parametrize("kind", ["purge", "backup", "migrate"])
def test_a_payload_of_a_former_release_fails_clearly(shop: TenantInfo, kind: str) -> None:
    """Fault 45: an operation without an id, as they were queued before, does nothing and says what to do."""
    delete_tenant("wa")
    with use_tenant(PLATFORM):
        arguments = {"slugs": ["wa"]} if kind == "migrate" else {}
        operation = Operation.objects.create(kind=kind, slug="wa", arguments=arguments, asked_by="operator mia")
        Operation.objects.filter(pk=operation.pk).update(release="", tenant_id=None, tenant_ids=None, purge_after=None)
    row = run(operation)
    assert row.state == "failed"
    assert "Start it again" in row.error
    assert status_of(shop) == "deleted"


def test_workers_of_a_former_release_do_not_know_the_task() -> None:
    """Fault 45, 51: an older worker, which uses slugs, finds no task of its name and leaves the operation."""
    start_operation("migrate")
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT task_name FROM procrastinate_jobs")
        assert cursor.fetchone() == (TASK,)
    assert TASK != FORMER_TASK == "tenants.run_operation"


def test_purge_tenants_leaves_what_was_brought_back_meanwhile(shop: TenantInfo, open_shop: OpenShop) -> None:
    """Fault 45: a nightly purge takes hours; a deletion that was undone before its turn is none."""
    delete_tenant("wa")
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(purge_after=timezone.now() - timedelta(minutes=1))
    [due] = [deletion for deletion in deletions_due() if deletion.tenant_id == shop.id]
    undelete_tenant("wa")
    delete_tenant("wa")
    with pytest.raises(TenantNotFound):
        purge_tenant(due)
    assert status_of(shop) == "deleted"
