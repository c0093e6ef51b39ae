"""A transaction that code leaves open is rolled back when its request, job or command ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import close_old_connections, connection, connections, transaction
from django.test import Client, override_settings

from tenants import PLATFORM, TenantInfo, run_in_threads, use_tenant
from tenants.contrib.limits.asgi import ASGIHandler
from tenants.postgresql.connection_watch import leftovers_rolled_back
from tenants.registry.lookup import tenant_by_slug
from tenants.tasks.tenant_jobs import run_job
from tests.isolation.leaving_urls import WAYS, entered
from tests.isolation.test_asgi import request_to
from tests.ledger import jobs
from tests.settings import TENANTS

Pair = tuple[TenantInfo, TenantInfo]
LOGGED = "left a transaction open on the connection 'default'"

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")


@pytest.fixture(params=["pool", "kept"])
def pair(committed: None, request: Any) -> Iterator[Pair]:
    """Two tenants on the pool, or on a connection that the thread keeps between requests."""
    connection.close()
    settings, kept = connection.settings_dict, dict(connection.settings_dict)
    if request.param == "kept":
        connection.settings_dict = {**settings, "OPTIONS": {**settings["OPTIONS"], "pool": False}, "CONN_MAX_AGE": None}
    with override_settings(TENANTS={**TENANTS, "TENANT_URLCONF": "tests.isolation.leaving_urls"}):
        yield tenant_by_slug("acme"), tenant_by_slug("globex")
    connection.close()
    connection.settings_dict = kept
    entered.clear()


def was_committed(tenant: TenantInfo, name: str) -> bool:
    with connection.connect_directly() as other:
        gone = f'DELETE FROM "{tenant.schema}".auth_group WHERE name = %s RETURNING 1'
        return other.execute(gone, [name]).fetchone() is not None


def check_next_request(tenant: TenantInfo) -> None:
    name = uuid4().hex
    assert Client(HTTP_HOST=tenant.host).get("/write/", {"name": name}).content == b"written"
    assert not connection.in_atomic_block
    assert was_committed(tenant, name)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("view", ["leave", "leave-and-raise", "stream"])
def test_what_a_request_leaves_open_is_rolled_back_and_logged(
    pair: Pair, caplog: pytest.LogCaptureFixture, view: str, way: str
) -> None:
    """Fault 53: every later request on that thread, of any shop, was a 500."""
    acme, globex = pair
    with caplog.at_level(logging.ERROR):
        response = Client(HTTP_HOST=acme.host, raise_request_exception=False).get(f"/{view}/{way}/")
        if view == "stream":
            assert response.getvalue() == b"ab"
        else:
            assert response.status_code == (500 if view == "leave-and-raise" else 200)
    if way not in {"driver", "pipeline"}:  # psycopg's own are looked for where Django looks after its connections
        assert f"A request of acme {LOGGED}" in caplog.text
    check_next_request(globex)
    check_next_request(acme)
    assert not was_committed(acme, "lost")


@pytest.mark.parametrize("way", ["atomic", "twice", "begin", "broken"])
def test_what_an_asynchronous_request_leaves_open_is_rolled_back(
    pair: Pair, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """Fault 53: through the ASGI entry, where a connection is that of the thread of the synchronous code."""
    acme, globex = pair
    application = ASGIHandler()
    views = ("leave", "leave-async", "stream", "stream-async")
    names = [uuid4().hex for _ in views]

    async def ask() -> None:
        for view, name in zip(views, names, strict=True):
            answer = await request_to(acme, f"/{view}/{way}/").go(application)
            assert answer.body in {b"left", b"ab"}
            answer = await request_to(globex, "/write/", name=name).go(application)
            assert answer.body == b"written"

    with caplog.at_level(logging.ERROR):
        asyncio.run(ask())
    assert caplog.text.count(f"A request of acme {LOGGED}") == len(views)
    assert all(was_committed(globex, name) for name in names)
    assert not was_committed(acme, "lost")


def test_a_transaction_around_a_streamed_body_is_left_alone(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """Fault 53: the control; what is open between two chunks is in use."""
    acme, _ = pair
    with caplog.at_level(logging.ERROR):
        assert Client(HTTP_HOST=acme.host).get("/stream-in-transaction/").getvalue() == b"a1"
    assert not caplog.records
    assert was_committed(acme, "streamed")


def _in_a_transaction() -> Iterator[int]:
    with transaction.atomic():
        Group.objects.create(name=f"lost {uuid4().hex}")
        yield 1


def test_a_generator_that_is_closed_late_ends_no_transaction_of_others(pair: Pair) -> None:
    """Fault 53: its block was rolled back with its request; its end rolled back the other shop's transaction."""
    acme, globex = pair
    names = [uuid4().hex, uuid4().hex]
    with leftovers_rolled_back("a request"), use_tenant(acme):
        kept, kept_too = _in_a_transaction(), _in_a_transaction()
        next(kept)
        next(kept_too)
    with leftovers_rolled_back("a request"), use_tenant(globex):
        with transaction.atomic():
            Group.objects.create(name=names[0])
            kept.close()  # type: ignore[attr-defined]
            with pytest.raises(transaction.TransactionManagementError, match="rolled back when the request"):
                next(kept_too)
            Group.objects.create(name=names[1])
        assert not connection.in_atomic_block
    assert all(was_committed(globex, name) for name in names)
    with use_tenant(acme):
        assert not Group.objects.filter(name__startswith="lost").exists()


@pytest.mark.parametrize("how", ["returns", "raises", "is to be rolled back"])
def test_a_block_ends_although_one_in_it_was_left_open(pair: Pair, how: str) -> None:
    """Fault 53: Django ended the inner one, and everything after it was written into a transaction without an end."""
    acme, _ = pair
    name = uuid4().hex
    error = transaction.TransactionManagementError if how == "returns" else KeyError
    with use_tenant(acme):
        with pytest.raises(error) if how != "is to be rolled back" else nullcontext(), transaction.atomic():
            Group.objects.create(name="lost")
            transaction.atomic().__enter__()
            if how == "raises":
                raise KeyError
            if how == "is to be rolled back":
                transaction.set_rollback(True)
        assert not connection.in_atomic_block
        Group.objects.create(name=name)
    assert was_committed(acme, name)
    assert not was_committed(acme, "lost")


def test_an_iterator_that_is_closed_late_breaks_no_transaction_of_others(pair: Pair) -> None:
    """Fault 52: its cursor was closed already, which was an error in the other shop's transaction."""
    acme, globex = pair
    name = uuid4().hex
    with use_tenant(acme):
        with leftovers_rolled_back("a request"):
            kept = Permission.objects.iterator(chunk_size=1)
            next(kept)
        with leftovers_rolled_back("a request"), transaction.atomic():
            kept_too = Permission.objects.iterator(chunk_size=1)
            next(kept_too)
    close_old_connections()
    with use_tenant(globex), transaction.atomic():
        Group.objects.create(name=name)
        kept.close()  # type: ignore[attr-defined]
        kept_too.close()  # type: ignore[attr-defined]
        assert Group.objects.filter(name=name).exists()
    assert was_committed(globex, name)


def test_a_request_in_a_test_keeps_the_tests_own_transaction(acme: TenantInfo, globex: TenantInfo) -> None:
    """Fault 53: only what the request has begun is left."""
    with override_settings(TENANTS={**TENANTS, "TENANT_URLCONF": "tests.isolation.leaving_urls"}):
        with use_tenant(acme):
            Group.objects.create(name="of the test")
        depth = len(connection.atomic_blocks)
        with transaction.atomic():
            assert Client(HTTP_HOST=acme.host).get("/leave/twice/").content == b"left"
            assert len(connection.atomic_blocks) == depth + 1
        with use_tenant(acme):
            assert Group.objects.filter(name="of the test").exists()
            assert not Group.objects.filter(name="lost").exists()


def test_what_a_job_leaves_open_is_rolled_back(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """Fault 53: a job, too, may enter a block and not leave it."""
    acme, globex = pair
    with caplog.at_level(logging.ERROR):
        run_job(tenant=acme.id, job="tests.ledger.jobs.leave_open", arguments={})
    assert f"The job {jobs.leave_open.path} of acme {LOGGED}" in caplog.text
    check_next_request(globex)


def test_what_a_command_leaves_open_is_rolled_back(pair: Pair, capfd: pytest.CaptureFixture[str]) -> None:
    """Fault 53: `run_in_tenant --all` goes on to the next tenant."""
    code = "from django.db import transaction; transaction.atomic().__enter__()"
    call_command("run_in_tenant", "acme", "--", "shell", "--verbosity=0", "--command", code)
    # A command sets logging up again, past what pytest captures.
    assert f"The command shell of acme {LOGGED}" in capfd.readouterr().err
    assert not connection.in_atomic_block


def test_what_a_thread_leaves_open_is_rolled_back(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """Fault 53: threads take the next item on the same connection."""

    def leave(number: int) -> int:
        transaction.atomic().__enter__()
        return Group.objects.filter(pk=-1).count() + number

    with use_tenant(pair[0]), caplog.at_level(logging.ERROR):
        assert run_in_threads(leave, range(4), threads=1) == [0, 1, 2, 3]
    assert caplog.text.count(LOGGED) == 4


def test_another_alias_that_is_left_open_is_rolled_back(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """Fault 53: connections of our engine under another name."""
    other = connections.create_connection("default")
    with use_tenant(pair[0]), caplog.at_level(logging.ERROR):
        with leftovers_rolled_back("the work"):
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute("INSERT INTO auth_group (name) VALUES ('lost')")
        assert other.get_autocommit()
        assert "The work of acme" in caplog.text
        other.close()
    assert not was_committed(pair[0], "lost")


def test_an_ordinary_request_costs_no_statement_more(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """Fault 53: work that leaves nothing is not looked at."""
    with use_tenant(PLATFORM), leftovers_rolled_back("the work"), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with transaction.atomic():
            cursor.execute("SELECT 2")
    assert not caplog.records


def test_a_command_that_fails_in_one_tenant_goes_on_to_the_next(pair: Pair) -> None:
    """Fault 53: an error after a block was entered."""
    code = "from django.db import transaction; transaction.atomic().__enter__(); 1/0"
    with pytest.raises(CommandError, match="acme"):
        call_command("run_in_tenant", "acme", "--", "shell", "--verbosity=0", "--command", code)
    assert not connection.in_atomic_block
