"""A change of the control plane is noticed at once, by any writer, and after a lost connection."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import psycopg
import pytest

from tenants import TenantInfo
from tenants.postgresql.direct_connection import connect_directly
from tenants.registry.listener import APPLICATION, CHANNEL, Listener, listener
from tenants.registry.lookup import registry
from tenants.registry.resolver import HostStatus, resolve
from tests.waiting import eventually

SOON = 50
"""Seconds that a busy machine may take. Without the notification an old value is kept for a minute."""


@pytest.fixture
def listening(committed: None) -> Iterator[Listener]:
    listener.start()
    assert listener.listening.wait(SOON)
    yield listener
    listener.stop()


@pytest.fixture
def psql(listening: Listener) -> Iterator[psycopg.Connection[Any]]:
    """A connection without Django, like that of psql or another process."""
    with connect_directly() as connection:
        yield connection


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set as soon as the registry was notified of a change."""
    told, invalidate, clear = Event(), registry.invalidate, registry.clear
    monkeypatch.setattr(registry, "invalidate", lambda tenant_id: (invalidate(tenant_id), told.set()))
    monkeypatch.setattr(registry, "clear", lambda: (clear(), told.set()))
    return told


def backends(connection: psycopg.Connection[Any]) -> set[int]:
    """Return the processes of the server that serve a listener in this database."""
    found = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s", [APPLICATION]
    )
    return {pid for (pid,) in found}


def test_another_connections_change_is_heard_at_once(
    live_tenant: TenantInfo, psql: psycopg.Connection[Any], heard: Event
) -> None:
    assert resolve(live_tenant.host, "/").status is HostStatus.OPEN
    for status, door in (("suspended", HostStatus.SUSPENDED), ("active", HostStatus.OPEN)):
        heard.clear()
        psql.execute("UPDATE public.tenants_tenant SET status = %s WHERE id = %s", [status, live_tenant.id])
        assert heard.wait(SOON)
        assert resolve(live_tenant.host, "/").status is door


def test_change_that_arrives_with_the_results_of_a_job_is_heard_at_once(
    psql: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    monkeypatch.setattr(registry, "invalidate", heard.append)

    def notify_meanwhile(connection: psycopg.Connection[Any]) -> None:
        psql.execute("SELECT pg_notify(%s, '7654321')", [CHANNEL])
        connection.execute("SELECT pg_sleep(0.2)")  # the notification comes with its result

    own = Listener()
    own.every(10 * SOON, notify_meanwhile)
    own._periodic[0]._due = 0.0
    own.start()
    try:
        # Once for the listener of the process and once for this one.
        assert eventually(lambda: heard.count(7_654_321) >= 2, seconds=SOON)
    finally:
        own.stop()


def test_another_connections_domain_is_heard_at_once(
    live_tenant: TenantInfo, psql: psycopg.Connection[Any], heard: Event
) -> None:
    insert = "INSERT INTO public.tenants_domain (tenant_id, host, is_primary) VALUES (%s, 'new.example', true)"
    doors = [resolve("new.example", "/").status, resolve(live_tenant.host, "/").status]
    for change in (insert, "DELETE FROM public.tenants_domain WHERE tenant_id = %s"):
        heard.clear()
        psql.execute(change, [live_tenant.id])
        assert heard.wait(SOON)
        doors += [resolve("new.example", "/").status, resolve(live_tenant.host, "/").status]
    assert doors == [
        HostStatus.UNKNOWN,
        HostStatus.OPEN,
        HostStatus.OPEN,
        HostStatus.MOVED,
        HostStatus.UNKNOWN,
        HostStatus.OPEN,
    ]


def test_a_domain_that_changes_hands_is_heard_of_for_both(
    open_shop: Callable[..., TenantInfo], psql: psycopg.Connection[Any]
) -> None:
    giver, taker = open_shop(domain="handed.example"), open_shop()
    found = resolve("handed.example", "/").tenant
    assert found is not None
    assert found.id == giver.id
    assert resolve(taker.host, "/").status is HostStatus.OPEN
    psql.execute("UPDATE public.tenants_domain SET tenant_id = %s WHERE host = 'handed.example'", [taker.id])
    assert eventually(lambda: resolve("handed.example", "/").tenant.id == taker.id, seconds=SOON)  # type: ignore[union-attr]
    assert eventually(lambda: resolve(giver.host, "/").status is HostStatus.OPEN, seconds=SOON)
    assert eventually(lambda: resolve(taker.host, "/").status is HostStatus.MOVED, seconds=SOON)


def test_another_processs_change_is_heard_at_once(
    live_tenant: TenantInfo, psql: psycopg.Connection[Any], heard: Event
) -> None:
    info = psql.info
    address = f"postgresql:///{info.dbname}?host={info.host}&port={info.port}&user={info.user}"
    assert resolve(live_tenant.host, "/").status is HostStatus.OPEN
    heard.clear()
    subprocess.run(
        [sys.executable, "manage.py", "suspend_tenant", live_tenant.slug],
        env=os.environ | {"DATABASE_URL": address},
        check=True,
        capture_output=True,
    )
    assert heard.wait(SOON)
    assert resolve(live_tenant.host, "/").status is HostStatus.SUSPENDED


def test_what_was_not_committed_is_not_heard(
    live_tenant: TenantInfo, psql: psycopg.Connection[Any], heard: Event
) -> None:
    heard.clear()
    with psql.transaction(force_rollback=True):
        psql.execute("UPDATE public.tenants_tenant SET status = 'suspended' WHERE id = %s", [live_tenant.id])
    with psql.transaction():
        psql.execute("SELECT pg_notify(%s, '404')", [CHANNEL])
        assert not heard.is_set()
    assert heard.wait(SOON)
    assert resolve(live_tenant.host, "/").status is HostStatus.OPEN


def test_lost_connection_is_reopened_and_missed_changes_are_known(
    live_tenant: TenantInfo, psql: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert resolve(live_tenant.host, "/").status is HostStatus.OPEN
    (before,) = backends(psql)
    with psql.transaction():
        psql.execute("UPDATE public.tenants_tenant SET status = 'suspended' WHERE id = %s", [live_tenant.id])
        psql.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    assert eventually(lambda: resolve(live_tenant.host, "/").status is HostStatus.SUSPENDED, seconds=SOON)
    assert eventually(lambda: backends(psql) - {before}, seconds=SOON)
    assert listener.listening.wait(SOON)
    assert "reconnecting" in caplog.text
    psql.execute("UPDATE public.tenants_tenant SET status = 'active' WHERE id = %s", [live_tenant.id])
    assert eventually(lambda: resolve(live_tenant.host, "/").status is HostStatus.OPEN, seconds=SOON)


def test_while_it_cannot_listen_no_answer_is_older_than_a_second(
    live_tenant: TenantInfo,
    psql: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server takes queries and no new connections, as one at its limit does; even odd errors end no thread."""
    refused = Event()

    def refuse() -> None:
        refused.set()
        raise RuntimeError("no")

    assert resolve(live_tenant.host, "/").status is HostStatus.OPEN
    monkeypatch.setattr("tenants.registry.listener.connect_directly", refuse)
    (before,) = backends(psql)
    psql.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    assert refused.wait(SOON)
    psql.execute("UPDATE public.tenants_tenant SET status = 'suspended' WHERE id = %s", [live_tenant.id])
    assert eventually(lambda: resolve(live_tenant.host, "/").status is HostStatus.SUSPENDED, seconds=SOON)
    monkeypatch.undo()
    assert listener.listening.wait(SOON)


@pytest.mark.parametrize("payload", ["", "nonsense", "1.5", "-1", "9" * 100, "²"])
def test_unknown_payload_does_not_stop_the_listener(
    live_tenant: TenantInfo, psql: psycopg.Connection[Any], heard: Event, payload: str
) -> None:
    heard.clear()
    psql.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
    assert heard.wait(SOON)
    (before,) = backends(psql)
    psql.execute("UPDATE public.tenants_tenant SET status = 'suspended' WHERE id = %s", [live_tenant.id])
    assert eventually(lambda: resolve(live_tenant.host, "/").status is HostStatus.SUSPENDED, seconds=SOON)
    assert backends(psql) == {before}, "the same connection"


def test_a_process_has_one_however_many_threads_start_it(listening: Listener) -> None:
    listening.stop()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: listening.start(), range(8)))
    assert listening.listening.wait(SOON)
    with connect_directly() as connection:
        assert len(backends(connection)) == 1


def test_it_stops_for_good_lets_the_database_be_dropped_and_may_start_again(listening: Listener) -> None:
    with connect_directly() as connection:
        assert len(backends(connection)) == 1
        listening.stop()
        listening.stop()
        assert eventually(lambda: not backends(connection), seconds=SOON)
        listening.start()
        assert listening.listening.wait(SOON)
        assert len(backends(connection)) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # which is what is tried
def test_a_forked_child_listens_for_itself(listening: Listener) -> None:
    with connect_directly() as connection:
        parent = backends(connection)
        child = os.fork()
        if child == 0:
            try:
                listening.start()
                heard = listening.listening.wait(SOON)
                with connect_directly() as own:
                    os._exit(0 if heard and len(backends(own)) == 2 else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert eventually(lambda: backends(connection) == parent, seconds=SOON), "the parent's connection lives on"
        assert listening.listening.is_set()
