"""Jobs and operations whose worker ended: the one that ended it is found, and fails at last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.db import connection
from django.utils import timezone

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.conf import tenancy
from tenants.lifecycle import delete_tenant, suspend_tenant
from tenants.models import Operation
from tenants.tasks import run_operation, start_operation
from tenants.tasks.queue import has_worker, is_isolated
from tenants.tasks.recovery import StalledTaskRecovery
from tenants.tasks.tenant_jobs import MAX_RETRIES, QUEUE, QUEUE_ISOLATED, TASK, run_job
from tests.acceptance.test_worker import StartWorker, kill, marks, row, start_worker
from tests.ledger import jobs
from tests.waiting import eventually

__all__ = ["start_worker"]
OpenShop = Callable[..., TenantInfo]


@pytest.fixture(autouse=True)
def queue(committed: None) -> Iterator[None]:
    yield
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs; DELETE FROM procrastinate_workers; DELETE FROM tenants_operation"
        )


def sql(statement: str, *params: object) -> list[tuple[object, ...]]:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


def dead_worker() -> int:
    """Return a worker that has not shown itself for a while."""
    statement = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute') RETURNING id"
    return int(str(sql(statement)[0][0]))


def job_of(tenant: TenantInfo, worker: int | None, attempts: int = 0, queue: str = QUEUE) -> int:
    """Return a job that a worker has taken."""
    with use_tenant(tenant):
        job = jobs.leave_a_mark.defer(word="mark")
    sql(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s, attempts = %s, queue_name = %s WHERE id = %s",
        worker,
        attempts,
        queue,
        job,
    )
    return job


def state(job: int) -> tuple[object, ...]:
    return sql("SELECT status::text, attempts, queue_name FROM procrastinate_jobs WHERE id = %s", job)[0]


def look(times: int = 1) -> None:
    lost_and_found = StalledTaskRecovery()
    for _ in range(times):
        lost_and_found.recover()


def test_a_job_that_ended_its_worker_counts_as_an_attempt(acme: TenantInfo) -> None:
    """Fault 49: it was the only work of its worker, and is tried by itself the next time."""
    job = job_of(acme, dead_worker())
    look()
    assert state(job) == ("todo", 1, QUEUE_ISOLATED)
    [(wait,)] = sql(
        "SELECT extract(epoch FROM scheduled_at - clock_timestamp()) FROM procrastinate_jobs WHERE id = %s", job
    )
    assert 1 < float(str(wait)) <= 3


def test_a_job_that_ends_its_worker_each_time_ends_as_failed(acme: TenantInfo) -> None:
    """Fault 49: after as many attempts as a job has that raises, and no more."""
    job = job_of(acme, dead_worker(), attempts=MAX_RETRIES)
    look(2)
    assert state(job)[0] == "failed"


def test_what_a_worker_had_beside_is_resumed_and_not_counted(acme: TenantInfo) -> None:
    """Fault 49: of several it is not known which ended the worker; each is tried by itself."""
    worker = dead_worker()
    both = [job_of(acme, worker, attempts=5), job_of(acme, worker)]
    look()
    assert [state(job) for job in both] == [("todo", 5, QUEUE_ISOLATED), ("todo", 0, QUEUE_ISOLATED)]


def test_an_operation_beside_a_job_is_resumed_and_not_counted(acme: TenantInfo) -> None:
    """Fault 49: an operation is missed within seconds, a job after its worker's last sign: both know of the other."""
    worker = dead_worker()
    job = job_of(acme, worker)
    operation = start_operation("migrate")
    sql("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE task_name <> %s", worker, TASK)
    sql("UPDATE procrastinate_workers SET last_heartbeat = now()")
    sql("UPDATE tenants_operation SET state = 'running', attempts = 3, started_at = now()")
    look(2)
    assert row(operation).attempts == 2
    [(name,)] = sql("SELECT queue_name FROM procrastinate_jobs WHERE task_name <> %s", TASK)
    assert is_isolated(str(name))
    assert state(job)[0] == "doing"
    sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    look()
    assert state(job) == ("todo", 0, QUEUE_ISOLATED)


def test_an_operation_that_was_alone_in_its_worker_is_counted() -> None:
    """Fault 49: as before."""
    operation = start_operation("migrate")
    sql("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", dead_worker())
    sql("UPDATE tenants_operation SET state = 'running', attempts = 1, started_at = now()")
    look(2)
    assert row(operation).attempts == 1


def test_a_job_that_kills_its_process_fails_and_takes_nothing_along(
    start_worker: StartWorker, open_shop: OpenShop, tmp_path: Path
) -> None:
    """Fault 49: worker after worker, in processes; the second one outlives the job."""
    shop, file, begun, go = open_shop(), tmp_path / "killer", tmp_path / "begun", tmp_path / "go"
    with use_tenant(shop):
        other = jobs.leave_a_mark_once_the_file_is_there.defer(word="late", begun=str(begun), file=str(go))
    first = start_worker()
    assert eventually(begun.exists)
    with use_tenant(shop):
        killer = jobs.end_the_process.defer(file=str(file))
    first.communicate(timeout=600)
    assert first.returncode == -9
    sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    second = start_worker()
    go.touch()
    assert eventually(lambda: marks(shop, "late") == [f"late {shop.slug}"])
    assert sql("SELECT attempts FROM procrastinate_jobs WHERE id = %s", other) in ([], [(0,)])

    def is_failed() -> bool:
        sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
        return state(killer)[0] == "failed"

    assert eventually(is_failed, seconds=120)
    # Once beside the other, and then as often as any job that fails.
    assert len(file.read_text().split()) == 1 + MAX_RETRIES + 1
    assert second.poll() is None
    kill(second)


def test_a_job_that_exits_as_a_program_does_not_end_its_worker(
    start_worker: StartWorker, open_shop: OpenShop, tmp_path: Path
) -> None:
    """Fault 49: sys.exit() is an error of the job's, and the worker goes on."""
    shop, file = open_shop(), tmp_path / "exits"
    with use_tenant(shop):
        job = jobs.leave_the_program.defer(file=str(file))
    worker = start_worker("--concurrency", "1")
    assert eventually(lambda: file.exists() and state(job)[1] == 1)
    with use_tenant(shop):
        jobs.leave_a_mark.defer(word="mark")
    assert eventually(lambda: bool(marks(shop)))
    assert worker.poll() is None


# --- One clock


@pytest.fixture
def fast_clock() -> Iterator[None]:
    """Let this process's clock be 35 s ahead of the database's."""
    ahead = timedelta(seconds=35)
    real = timezone.now

    def now() -> datetime:
        return real() + ahead

    with mock.patch("django.utils.timezone.now", now):
        yield


def test_a_worker_whose_clock_is_ahead_takes_no_job_from_another(acme: TenantInfo, fast_clock: None) -> None:
    """Fault 50: a worker that has just shown itself is there, by the database's clock."""
    worker = int(str(sql("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")[0][0]))
    job = job_of(acme, worker)
    look(2)
    assert state(job)[0] == "doing"
    with use_tenant(PLATFORM):
        assert has_worker()


def test_what_is_put_back_is_due_by_the_databases_clock(acme: TenantInfo, fast_clock: None) -> None:
    """Fault 50: it waits no 35 s for the clock of who has put it back; nor does a job of a suspended tenant."""
    worker = dead_worker()
    for _ in range(2):
        job_of(acme, worker)
    look()
    assert sql("SELECT count(*) FROM procrastinate_jobs WHERE scheduled_at <= clock_timestamp()") == [(2,)]


def test_a_job_of_a_suspended_tenant_waits_by_the_databases_clock(open_shop: OpenShop, fast_clock: None) -> None:
    """Fault 50: a minute is a minute of the queue's."""
    shop = open_shop()
    suspend_tenant(shop.slug)
    run_job(tenant=shop.id, job="tests.ledger.jobs.leave_a_mark", arguments={"word": "mark"})
    [(wait,)] = sql("SELECT extract(epoch FROM scheduled_at - clock_timestamp()) FROM procrastinate_jobs")
    assert float(str(wait)) <= 60


def test_days_of_grace_are_counted_by_the_databases_clock(open_shop: OpenShop, fast_clock: None) -> None:
    """Fault 50: what is deleted here is purged there, by one clock."""
    delete_tenant(open_shop().slug)
    [(ahead,)] = sql(
        "SELECT max(extract(epoch FROM purge_after - clock_timestamp())) FROM tenants_tenant WHERE status = 'deleted'"
    )
    assert float(str(ahead)) <= tenancy().grace_days * 86400


def test_times_of_an_operation_are_the_databases(fast_clock: None) -> None:
    """Fault 50: begun and finished between when it was asked for and now."""
    operation = start_operation("purge", "hooli")
    run_operation(operation.pk)
    with use_tenant(PLATFORM):
        found = Operation.objects.get(pk=operation.pk)
    assert sql("SELECT clock_timestamp() >= %s", found.finished_at) == [(True,)]
    assert found.started_at is not None
    assert found.created_at <= found.started_at
