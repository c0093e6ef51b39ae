"""Background operations: started, finished, interrupted and recovered; none runs for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.utils import timezone

from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.conf import tenancy
from tenants.lifecycle import delete_tenant, purge_tenant
from tenants.lifecycle.audit import acting_as
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.models import AuditEvent, Operation, Tenant
from tenants.registry.lookup import tenant_by_slug
from tenants.tasks import KINDS, Kind, locks, run_operation, start_operation
from tenants.tasks.backup_files import backup_files
from tenants.tasks.context import TaskContext
from tenants.tasks.locks import locked_operations, operation_lock
from tenants.tasks.queue import TASK, jobs
from tenants.tasks.recovery import StalledTaskRecovery
from tests.ledger.models import Account

OpenShop = Callable[..., TenantInfo]


@pytest.fixture(autouse=True)
def queue(committed: None) -> Iterator[None]:
    """Begin and end with nothing in the queue."""
    yield
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs; DELETE FROM tenants_operation")


@pytest.fixture
def new_slugs(committed: None) -> Iterator[list[str]]:
    """Two slugs for tenants that operations make; those are taken away after the test."""
    slugs = ["made-first", "made-second"]
    yield slugs
    with use_tenant(PLATFORM):
        made = list(Tenant.objects.filter(slug__in=slugs, status="active").values_list("slug", flat=True))
    for slug in made:
        delete_tenant(slug)
        purge_tenant(slug)


def after(operation: Operation) -> Operation:
    """Return the row as it is now."""
    with use_tenant(PLATFORM):
        return Operation.objects.get(pk=operation.pk)


def waiting_jobs() -> dict[int, int]:
    with use_tenant(PLATFORM):
        return jobs("todo")


def take_job(operation: Operation) -> None:
    """Mark the operation's job as a worker does that takes it."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing' WHERE args->'operation' = to_jsonb(%s)", [operation.pk]
        )


def finish_job(operation: Operation) -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE args->'operation' = to_jsonb(%s)", [operation.pk])


def probe(monkeypatch: pytest.MonkeyPatch, do: Callable[[TaskContext], Any]) -> None:
    """Let `probe` be a kind of operation that does this."""
    monkeypatch.setitem(KINDS, "probe", Kind("Probe", lambda work: do(work) or ""))


def left_behind(open_shop: OpenShop, number: int) -> list[TenantInfo]:
    """Open shops whose schemas are at the first migration of the ledger."""
    shops = [open_shop() for _ in range(number)]
    list(Run(shops, RunOptions(targets=tuple(chosen_targets("ledger", "0001")))))
    return shops


def slugs_behind(shops: list[TenantInfo]) -> set[str]:
    _, behind = find_behind(slug__in=[shop.slug for shop in shops])
    return {tenant.slug for tenant in behind}


# --- Asking


def test_what_is_asked_for_waits_with_a_job_and_the_name_of_who_asked() -> None:
    with acting_as("operator mia"):
        operation = start_operation("migrate", slugs=["acme"])
    row = after(operation)
    assert (row.state, row.asked_by, row.arguments) == ("waiting", "operator mia", {"slugs": ["acme"]})
    assert list(waiting_jobs()) == [operation.pk]


def test_the_operation_and_its_job_come_and_go_in_one_transaction() -> None:
    with use_tenant(PLATFORM), pytest.raises(ZeroDivisionError), transaction.atomic():
        start_operation("migrate")
        raise ZeroDivisionError
    assert waiting_jobs() == {}
    with use_tenant(PLATFORM):
        assert not Operation.objects.exists()


def test_the_same_work_is_not_asked_for_twice_until_it_is_finished() -> None:
    first = start_operation("purge", "hooli")
    assert start_operation("purge", "hooli") == first
    assert start_operation("purge", "acme") != first
    run_operation(first.pk)
    assert after(first).is_finished
    assert start_operation("purge", "hooli") != first


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match=r"'moon'.*migrate"):
        start_operation("moon")


def test_operation_can_be_started_in_any_tenant(live_tenant: TenantInfo) -> None:
    with use_tenant(live_tenant):
        operation = start_operation("migrate", slugs=[live_tenant.slug])
    assert list(waiting_jobs()) == [operation.pk]


def test_the_queue_is_in_the_control_plane_alone(live_tenant: TenantInfo) -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'procrastinate%'")
        assert cursor.fetchall() == [("public",)]


# --- Doing


def test_a_migration_brings_the_named_tenants_up_to_date_and_reports(open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 3)
    operation = start_operation("migrate", slugs=[shop.slug for shop in shops[:2]])
    run_operation(operation.pk)
    row = after(operation)
    assert (row.state, row.done, row.total, row.error) == ("done", 2, 2, "")
    assert (row.report["migrated"], row.report["failed"]) == (2, 0)
    assert {outcome["slug"] for outcome in row.report["last"]} == {shop.slug for shop in shops[:2]}
    assert row.started_at is not None
    assert row.finished_at is not None
    assert slugs_behind(shops) == {shops[2].slug}


def test_failed_migration_names_tenant_and_cause_and_others_are_migrated(open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 3)
    with use_tenant(shops[1].as_owner()), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_entry ADD COLUMN code text")
    operation = start_operation("migrate", slugs=[shop.slug for shop in shops])
    run_operation(operation.pk)
    row = after(operation)
    assert (row.state, row.done, row.total) == ("failed", 3, 3)
    assert shops[1].slug in row.error
    assert "Fix the cause" in row.error
    [failure] = row.report["failures"]
    assert failure["slug"] == shops[1].slug
    assert "code" in failure["error"]
    assert slugs_behind(shops) == {shops[1].slug}


def test_what_is_done_is_known_as_done_by_who_asked(live_tenant: TenantInfo) -> None:
    delete_tenant(live_tenant.slug)
    with acting_as("operator mia"):
        operation = start_operation("purge", live_tenant.slug)
    run_operation(operation.pk)
    assert after(operation).state == "done"
    with use_tenant(PLATFORM):
        assert AuditEvent.objects.get(tenant_id=live_tenant.id, action="purge").actor == "operator mia"


def test_an_error_of_ours_is_told_in_its_own_words(live_tenant: TenantInfo) -> None:
    operation = start_operation("purge", live_tenant.slug)
    run_operation(operation.pk)
    row = after(operation)
    assert row.state == "failed"
    assert row.error == str(TenantNotFound(live_tenant.slug, "active"))


def test_any_other_error_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(work: TaskContext) -> None:
        raise OSError("No space left on device")

    probe(monkeypatch, fail)
    operation = start_operation("probe")
    run_operation(operation.pk)
    assert (after(operation).state, after(operation).error) == ("failed", "OSError: No space left on device")


def test_progress_is_seen_while_the_work_is_in_a_transaction_of_a_tenant(
    live_tenant: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look() -> None:
        try:
            seen.append(after(operation))
        finally:
            connection.close()

    def work(work: TaskContext) -> None:
        with use_tenant(live_tenant), transaction.atomic():
            Account.objects.create(name="cash")
            work.progress(3, 7)
            other = Thread(target=look)
            other.start()
            other.join()
            transaction.set_rollback(True)

    probe(monkeypatch, work)
    operation = start_operation("probe")
    run_operation(operation.pk)
    assert [(row.state, row.done, row.total) for row in seen] == [("running", 3, 7)]


def test_a_finished_operation_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    times = []
    probe(monkeypatch, times.append)
    operation = start_operation("probe")
    run_operation(operation.pk)
    run_operation(operation.pk)
    assert len(times) == 1


def test_operation_locked_by_another_worker_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_LOCK_TIMEOUT", "10ms")
    probe(monkeypatch, lambda work: pytest.fail("done twice"))
    operation = start_operation("probe")
    with operation_lock(operation.pk):
        with use_tenant(PLATFORM):
            assert locked_operations() == {operation.pk}
        run_operation(operation.pk)
    assert after(operation).state == "waiting"


def test_a_clone_a_backup_and_a_restore_are_operations_too(
    live_tenant: TenantInfo, new_slugs: list[str], tmp_path: Path, settings: Any
) -> None:
    settings.TENANTS = {**settings.TENANTS, "BACKUP_DIR": str(tmp_path / "backups")}
    slug = live_tenant.slug
    with use_tenant(live_tenant):
        Account.objects.create(name="cash")
    clone = start_operation("clone", slug, new_slug=new_slugs[0], name="Twin", anonymize=True)
    backup = start_operation("backup", slug)
    for operation in (clone, backup):
        run_operation(operation.pk)
    [file] = backup_files()
    restore = start_operation("restore", new_slugs[1], file=str(file))
    run_operation(restore.pk)
    rows = [after(operation) for operation in (clone, backup, restore)]
    assert [(row.state, row.error) for row in rows] == [("done", "")] * 3
    assert f"{new_slugs[0]}.localhost" in rows[0].message
    assert str(file) in rows[1].message
    for new in new_slugs:
        with use_tenant(tenant_by_slug(new)):
            assert Account.objects.get().name == "cash"


def test_a_clone_that_was_done_when_its_worker_was_killed_is_done(
    live_tenant: TenantInfo, new_slugs: list[str]
) -> None:
    operation = start_operation("clone", live_tenant.slug, new_slug=new_slugs[0])
    run_operation(operation.pk)
    with use_tenant(PLATFORM):
        Operation.objects.filter(pk=operation.pk).update(state="running", finished_at=None)
    run_operation(operation.pk)
    assert (after(operation).state, after(operation).error) == ("done", "")


# --- Laid down and taken up


def test_worker_that_has_to_stop_leaves_a_migration_to_the_next_one(open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 4)
    operation = start_operation("migrate", slugs=[shop.slug for shop in shops], jobs=1)
    finish_job(operation)
    run_operation(operation.pk, should_stop=lambda: True)
    row = after(operation)
    assert (row.state, row.total, row.attempts) == ("waiting", 4, 0)
    assert list(waiting_jobs()) == [operation.pk]
    assert 0 < row.done < 4
    assert len(slugs_behind(shops)) == 4 - row.done
    run_operation(operation.pk)
    assert (after(operation).state, after(operation).done, after(operation).total) == ("done", 4, 4)
    assert slugs_behind(shops) == set()


def test_interrupted_purge_is_finished_by_the_next_worker(live_tenant: TenantInfo) -> None:
    delete_tenant(live_tenant.slug)
    operation = start_operation("purge", live_tenant.slug)
    run_operation(operation.pk, should_stop=lambda: True)
    assert after(operation).state == "waiting"
    run_operation(operation.pk)
    assert after(operation).state == "done"
    with use_tenant(PLATFORM):
        assert not Tenant.objects.filter(pk=live_tenant.id).exists()


def test_purge_of_a_killed_worker_is_done_and_spares_a_namesake(live_tenant: TenantInfo, open_shop: OpenShop) -> None:
    slug = live_tenant.slug
    delete_tenant(slug)
    operation = start_operation("purge", slug)
    run_operation(operation.pk)
    namesake = open_shop(slug)
    delete_tenant(slug)
    with use_tenant(PLATFORM):
        Operation.objects.filter(pk=operation.pk).update(state="running", finished_at=None)
    run_operation(operation.pk)
    assert after(operation).state == "done"
    with use_tenant(PLATFORM):
        assert Tenant.objects.filter(pk=namesake.id, status="deleted").exists()


def test_an_operation_without_anybody_is_put_back_when_it_is_seen_so_twice() -> None:
    operation = start_operation("migrate")
    take_job(operation)
    with use_tenant(PLATFORM):
        Operation.objects.filter(pk=operation.pk).update(state="running", started_at=timezone.now())
    lost_and_found = StalledTaskRecovery()
    lost_and_found.recover()
    assert waiting_jobs() == {}
    lost_and_found.recover()
    assert list(waiting_jobs()) == [operation.pk]
    run_operation(operation.pk)
    assert after(operation).state == "done"


def test_an_operation_whose_job_is_gone_gets_another() -> None:
    operation = start_operation("migrate")
    finish_job(operation)
    lost_and_found = StalledTaskRecovery()
    for _ in range(3):
        lost_and_found.recover()
    assert list(waiting_jobs()) == [operation.pk]


def test_running_operation_is_not_queued_again() -> None:
    operation = start_operation("migrate")
    take_job(operation)
    lost_and_found = StalledTaskRecovery()
    with operation_lock(operation.pk):
        for _ in range(3):
            lost_and_found.recover()
    assert waiting_jobs() == {}


def test_job_of_a_finished_operation_does_not_block_the_next() -> None:
    operation = start_operation("migrate")
    take_job(operation)
    run_operation(operation.pk)
    lost_and_found = StalledTaskRecovery()
    for _ in range(2):
        lost_and_found.recover()
    assert list(waiting_jobs()) == [operation.pk]  # the next worker looks at it, and removes it


def test_an_operation_that_ends_with_its_process_each_time_is_given_up() -> None:
    operation = start_operation("migrate")
    with use_tenant(PLATFORM):
        Operation.objects.filter(pk=operation.pk).update(
            state="running", attempts=3, started_at=timezone.now() - timedelta(hours=1)
        )
    run_operation(operation.pk)
    row = after(operation)
    assert row.state == "failed"
    assert "3 times" in row.error
    assert "start it again" in row.error


def test_an_operation_whose_claim_is_gone_is_left_for_the_next_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_the_database(work: TaskContext) -> None:
        with use_tenant(PLATFORM), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                [locks.LOCK_SPACE],
            )
        work.progress(1, 2)

    probe(monkeypatch, lose_the_database)
    operation = start_operation("probe")
    with pytest.raises(Exception, match=r"terminat|closed"):
        run_operation(operation.pk)
    assert after(operation).state == "running"
    take_job(operation)
    lost_and_found = StalledTaskRecovery()
    for _ in range(2):
        lost_and_found.recover()
    assert list(waiting_jobs()) == [operation.pk]


def test_workers_know_the_operation_by_one_name() -> None:
    start_operation("migrate")
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT task_name FROM procrastinate_jobs")
        assert cursor.fetchone() == (TASK,)


# --- From the shell


def test_a_run_is_left_to_a_worker_with_the_address_of_its_page(open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 2)
    out, err = StringIO(), StringIO()
    slugs = [shop.slug for shop in shops]
    call_command("migrate_tenants", tenant=slugs, jobs=3, background=True, stdout=out, stderr=err)
    with use_tenant(PLATFORM):
        operation = Operation.objects.get()
    assert operation.arguments == {"slugs": sorted(slugs), "jobs": 3}
    assert operation.asked_by.startswith("command line: ")
    assert f"{tenancy().origin}/admin/tenants/operation/{operation.pk}/change/" in out.getvalue()
    assert "manage.py run_worker" in err.getvalue()
    assert slugs_behind(shops) == set(slugs)
    run_operation(operation.pk)
    assert slugs_behind(shops) == set()


def test_nothing_is_left_to_a_worker_where_nothing_is_to_do(live_tenant: TenantInfo) -> None:
    out = StringIO()
    call_command("migrate_tenants", tenant=[live_tenant.slug], background=True, stdout=out)
    assert "Nothing to do" in out.getvalue()
    assert waiting_jobs() == {}


@pytest.mark.parametrize("options", [{"canary": 1}, {"json": True}, {"app_label": "ledger"}])
def test_what_a_worker_does_not_do_is_refused(live_tenant: TenantInfo, options: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="Leave out"):
        call_command("migrate_tenants", tenant=[live_tenant.slug], background=True, **options)
    assert waiting_jobs() == {}
