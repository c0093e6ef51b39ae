"""Errors for visitors, API clients and operators while PostgreSQL is unreachable: they do not say "busy"."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection
from django.test import AsyncClient, Client, RequestFactory
from psycopg import errors
from psycopg_pool import PoolTimeout

from tenants import TenantInfo, use_tenant
from tenants.errors import DatabaseUnavailable
from tenants.http.overload import response_to_error
from tenants.postgresql import reachability as reachable
from tenants.postgresql.overload import OverloadReason, overload_reason
from tenants.registry.lookup import tenant_by_slug
from tests.away import PASSWORD, database_away

TITLE = "This site is not available right now"
POOL = {"min_size": 0, "max_size": 4, "timeout": 60}


@pytest.fixture(params=[None, POOL], ids=["alone", "pool"])
def away(committed: None, request: pytest.FixtureRequest) -> Iterator[None]:
    with database_away(pool=request.param):
        yield


@pytest.mark.parametrize("host", ["acme.localhost", "nobody.localhost"])
def test_a_visitor_reads_that_the_site_is_not_available(away: None, host: str) -> None:
    """It said "very busy", after ten seconds."""
    page = Client(HTTP_HOST=host).get("/")
    assert page.status_code == 503
    assert TITLE in page.text
    assert "busy" not in page.text
    assert page["Retry-After"]
    assert page["Cache-Control"] == "no-store"


def test_the_platforms_host_says_it_too_where_a_view_asks(away: None) -> None:
    """The middleware sends no query for the platform's host; its views do."""
    page = Client(HTTP_HOST="localhost", raise_request_exception=False).post(
        "/admin/login/", {"username": "kim", "password": "x"}
    )
    assert page.status_code == 503
    assert TITLE in page.text


def test_a_program_gets_a_problem(away: None) -> None:
    answer = Client(HTTP_HOST="acme.localhost").get("/api/v2/goods")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:sangga:problem:database-unavailable"
    assert PASSWORD not in answer.text


def test_a_visitor_reads_it_in_korean(away: None) -> None:
    page = Client(HTTP_HOST="acme.localhost", HTTP_ACCEPT_LANGUAGE="ko").get("/")
    assert "지금은 이 사이트를 이용할 수 없습니다" in page.text


def test_a_visitor_reads_it_under_asgi(away: None) -> None:
    page = async_to_sync(AsyncClient(headers={"host": "acme.localhost"}).get)("/")
    assert page.status_code == 503
    assert TITLE in page.text


def test_a_shop_that_is_remembered_says_it_as_well(committed: None, client_of: Any) -> None:
    """The host is cached, so the view sends the first query."""
    acme = tenant_by_slug("acme")
    with use_tenant(acme), database_away():
        answer = _ask_and_answer()
    assert answer.status_code == 503
    assert TITLE in answer.content.decode()


def _ask_and_answer() -> Any:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        return response_to_error(RequestFactory().get("/"), error)
    raise AssertionError("there is a database")


def test_the_log_says_why_without_the_password(away: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        Client(HTTP_HOST="acme.localhost").get("/")
    said = [record.getMessage() for record in caplog.records if record.name == "tenants.postgresql.overload"]
    assert len(said) == 1
    assert "Connection refused" in said[0]
    assert PASSWORD not in caplog.text


def test_an_attempt_that_failed_is_not_repeated_by_every_visitor(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request waits for the pool, and one connection attempt serves all of them."""
    monkeypatch.setattr(reachable, "FAILED_SECONDS", 600.0)
    with database_away(pool=POOL):
        attempts = _counted(monkeypatch)
        for _ in range(5):
            with pytest.raises(OperationalError, match="refused"), use_tenant(TenantInfo(id=7, slug="x", schema="t_7")):
                connection.ensure_connection()
        assert attempts() == 1


def test_the_database_that_is_back_is_used_at_once(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "FAILED_SECONDS", 0.0)
    with database_away(pool=POOL):
        assert Client(HTTP_HOST="acme.localhost").get("/").status_code == 503
    assert Client(HTTP_HOST="acme.localhost").get("/").status_code == 200


def _counted(monkeypatch: pytest.MonkeyPatch) -> Any:
    from django.db import connections

    driver, made = connections[DEFAULT_DB_ALIAS].Database, []
    connect = driver.connect

    def counting(*args: Any, **params: Any) -> Any:
        made.append(None)
        return connect(*args, **params)

    monkeypatch.setattr(driver, "connect", counting)
    return lambda: len(made)


def _caused(cause: BaseException) -> OperationalError:
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (_caused(psycopg.OperationalError("server closed the connection unexpectedly")), OverloadReason.AWAY),
        (_caused(errors.AdminShutdown("terminating connection due to administrator command")), OverloadReason.AWAY),
        (_caused(errors.CannotConnectNow("the database system is starting up")), OverloadReason.AWAY),
        (_caused(errors.ConnectionTimeout("connection timeout expired")), OverloadReason.AWAY),
        (DatabaseUnavailable("The embedded PostgreSQL could not be started"), OverloadReason.AWAY),
        (_caused(errors.TooManyConnections("sorry, too many clients already")), OverloadReason.POOL),
        (_caused(PoolTimeout("couldn't get a connection after 10.00 sec")), OverloadReason.POOL),
        (_caused(errors.QueryCanceled("canceling statement due to statement timeout")), OverloadReason.STATEMENT),
        (_caused(errors.LockNotAvailable("canceling statement due to lock timeout")), None),
        (_caused(errors.DiskFull("could not extend file")), None),
        (_caused(errors.DeadlockDetected("deadlock detected")), None),
        (ValueError("x"), None),
    ],
)
def test_out_of_reach_and_busy_are_told_apart(error: BaseException, reason: OverloadReason | None) -> None:
    assert overload_reason(error) is reason
