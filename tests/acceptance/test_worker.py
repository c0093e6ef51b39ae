"""`manage.py run_worker` as a separate process: used, stopped, killed and cut off from the database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection
from psycopg import sql

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle import delete_tenant
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.models import Operation, Tenant
from tenants.postgresql import tenant_schemas as schemas
from tenants.postgresql.direct_connection import connect_directly
from tenants.tasks import start_operation
from tenants.tasks.queue import has_worker
from tests.ledger import jobs
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
OpenShop = Callable[..., TenantInfo]
StartWorker = Callable[..., "subprocess.Popen[str]"]


def database_url(name: str = "") -> str:
    """Return the URL of the tests' database, or of another one on its server."""
    params = connection.get_connection_params()
    password = f":{quote(params['password'], safe='')}" if params.get("password") else ""
    host = f"host={quote(str(params['host']), safe='')}&port={params['port']}"
    return f"postgresql://{quote(params['user'], safe='')}{password}@/{name or params['dbname']}?{host}"


@pytest.fixture
def start_worker(committed: None) -> Iterator[StartWorker]:
    """Return a function that starts a worker on the tests' database; none is left after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, url: str = "", settings: str = "tests.settings") -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "DATABASE_URL": url or database_url(),
            "DJANGO_SETTINGS_MODULE": settings,
            "LOG_LEVEL": "INFO",
        }
        command = [sys.executable, "-m", "django", "run_worker", *words]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, **pipes))
        return started[-1]

    yield start
    for process in started:
        kill(process)
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs; DELETE FROM procrastinate_workers")
        Operation.objects.all().delete()


def assert_ended_in_order(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a worker that was told to."""
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert "Traceback" not in output


def kill(process: subprocess.Popen[str]) -> None:
    """End a worker, if it is there, without a chance to do anything about it."""
    if process.poll() is None:
        process.kill()
        process.communicate()


def wait_for_line(process: subprocess.Popen[str], words: str) -> None:
    """Wait until a worker has written a line with these words."""
    assert process.stdout is not None
    assert any(words in line for line in process.stdout)


def row(operation: Operation) -> Operation:
    with use_tenant(PLATFORM):
        return Operation.objects.get(pk=operation.pk)


def is_there() -> bool:
    with use_tenant(PLATFORM):
        return has_worker()


def wait_for(operation: Operation, state: str) -> Operation:
    """Wait until the operation is in that state, and return its row."""
    in_time = eventually(lambda: row(operation).state in {state, "failed"})
    found = row(operation)
    assert found.state == state, f"in time: {in_time}, {found.state}, {found.error}"
    return found


@contextmanager
def in_the_way_of(tenant: TenantInfo, table: str = "ledger_entry") -> Iterator[Callable[[], None]]:
    """Lock a table of a tenant inside the block; yield a function that waits until another session waits for it."""
    with connect_directly() as blocker, connect_directly() as watcher:

        def wait_until_awaited() -> None:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
            parameters = [f"{tenant.schema}.{table}"]
            assert eventually(lambda: watcher.execute(query, parameters).fetchone() != (0,))

        with blocker.transaction():
            blocker.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.Identifier(tenant.schema, table)))
            yield wait_until_awaited


def left_behind(open_shop: OpenShop, number: int) -> list[TenantInfo]:
    """Open shops that are not where the code is, and return them in the order of a run."""
    shops = sorted((open_shop() for _ in range(number)), key=lambda shop: shop.slug)
    list(Run(shops, RunOptions(targets=tuple(chosen_targets("ledger", "0001")))))
    return shops


def migrate(shops: list[TenantInfo]) -> Operation:
    """Have them migrated one after the other, however long it takes to get at their tables."""
    return start_operation("migrate", slugs=[shop.slug for shop in shops], jobs=1, lock_timeout=0)


def behind(shops: list[TenantInfo]) -> list[TenantInfo]:
    return find_behind(slug__in=[shop.slug for shop in shops])[1]


def test_it_does_what_is_asked_for_and_ctrl_c_ends_it(start_worker: StartWorker, open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 2)
    first = migrate(shops)
    worker = start_worker()
    assert wait_for(first, "done").report["migrated"] == 2
    delete_tenant(shops[0].slug)
    wait_for(start_operation("purge", shops[0].slug), "done")
    assert is_there()
    worker.send_signal(signal.SIGINT)
    assert_ended_in_order(worker)
    assert not is_there()
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        assert cursor.fetchone() == (0,)


def test_worker_after_sigterm_finishes_its_tenants_and_leaves_the_rest(
    start_worker: StartWorker, open_shop: OpenShop
) -> None:
    shops = left_behind(open_shop, 4)
    operation = migrate(shops)
    worker = start_worker("--grace", "0")
    with in_the_way_of(shops[1]) as wait_until_awaited:
        wait_until_awaited()
        worker.send_signal(signal.SIGTERM)
        wait_for_line(worker, "Aborting")
    assert_ended_in_order(worker)
    laid_down = row(operation)
    assert (laid_down.state, laid_down.total) == ("waiting", 4)
    # The tenant that was waited for is finished; the worker may notice the signal one tenant later.
    assert laid_down.done in {2, 3}
    assert {tenant.slug for tenant in behind(shops)} == {shop.slug for shop in shops[laid_down.done :]}
    start_worker()
    assert wait_for(operation, "done").done == 4
    assert behind(shops) == []


def test_killed_in_the_middle_of_a_migration_another_worker_takes_it_up(
    start_worker: StartWorker, open_shop: OpenShop
) -> None:
    shops = left_behind(open_shop, 4)
    operation = migrate(shops)
    killed = start_worker()
    with in_the_way_of(shops[1]) as wait_until_awaited:
        wait_until_awaited()
        start_worker()
        kill(killed)
        assert row(operation).state == "running"
    taken_up = wait_for(operation, "done")
    assert (taken_up.done, taken_up.total, taken_up.attempts) == (4, 4, 2)
    assert behind(shops) == []


def test_killed_in_the_middle_of_a_purge_the_next_worker_finishes_it(
    start_worker: StartWorker, live_tenant: TenantInfo
) -> None:
    delete_tenant(live_tenant.slug)
    operation = start_operation("purge", live_tenant.slug)
    killed = start_worker()
    with in_the_way_of(live_tenant) as wait_until_awaited:
        wait_until_awaited()
        kill(killed)
    start_worker()
    wait_for(operation, "done")
    with use_tenant(PLATFORM):
        assert not Tenant.objects.filter(pk=live_tenant.id).exists()
        assert schemas.existing_schemas([live_tenant.schema]) == set()


def test_cut_off_from_the_database_it_comes_back_and_goes_on(start_worker: StartWorker, open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 3)
    operation = migrate(shops)
    start_worker()
    with in_the_way_of(shops[1]) as wait_until_awaited:
        wait_until_awaited()
        connection.close()
        connection.close_pool()  # it is the worker that is cut off, and not who looks on
        with connect_directly() as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid NOT IN (SELECT pid FROM pg_locks WHERE mode = 'AccessShareLock' AND relation = %s::regclass) "
                "AND pid <> pg_backend_pid() AND query NOT LIKE 'SELECT count%%'",
                [f"{shops[1].schema}.ledger_entry"],
            )
    wait_for(operation, "done")
    assert behind(shops) == []


def test_it_ends_with_the_process_that_started_it(start_worker: StartWorker) -> None:
    somebody_else = subprocess.Popen(["sleep", "60"])
    worker = start_worker("--parent", str(somebody_else.pid))
    output, _ = worker.communicate(timeout=600)
    somebody_else.kill()
    somebody_else.wait()
    assert worker.returncode == 0, output


@pytest.fixture
def empty_database(committed: None) -> Iterator[str]:
    name = f"{connection.settings_dict['NAME']}_empty"
    params: dict[str, Any] = {**connection.get_connection_params(), "dbname": "postgres", "autocommit": True}
    with psycopg.connect(**params) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield name
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_without_a_control_plane_it_says_what_to_run(start_worker: StartWorker, empty_database: str) -> None:
    worker = start_worker(url=database_url(empty_database))
    output, _ = worker.communicate(timeout=600)
    assert worker.returncode == 1
    assert "manage.py migrate" in output
    assert "Traceback" not in output


def test_jobs_run_as_their_tenant_and_a_killed_one_is_retried(
    start_worker: StartWorker, open_shop: OpenShop, tmp_path: Path
) -> None:
    shops = [open_shop(), open_shop()]
    for tenant in shops:
        with use_tenant(tenant):
            jobs.leave_a_mark.defer(word="mark")
    begun, file = tmp_path / "begun", tmp_path / "go"
    with use_tenant(shops[0]):
        jobs.leave_a_mark_once_the_file_is_there.defer(word="late mark", begun=str(begun), file=str(file))
    first = start_worker("--concurrency", "1")
    assert eventually(begun.exists)
    for tenant in shops:
        assert [name.split()[1] for name in marks(tenant)] == [tenant.slug]
    kill(first)
    file.touch()
    with use_tenant(PLATFORM), connection.cursor() as cursor:  # its heartbeat is old
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '10 minutes'")
    start_worker()
    assert eventually(lambda: f"late mark {shops[0].slug}" in marks(shops[0], "late"))
    assert marks(shops[1], "late") == []


def marks(tenant: TenantInfo, word: str = "mark") -> list[str]:
    with use_tenant(tenant):
        return list(Group.objects.filter(name__startswith=word).values_list("name", flat=True))
