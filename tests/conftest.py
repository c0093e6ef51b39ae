"""Fixtures for all tests: a platform with three shops, on real PostgreSQL.

`acme`, `globex` and `initech` are committed once per session; a test that uses them runs in a transaction that is
rolled back. Tests that need committed rows (threads, servers, other processes) use `open_shop`, which creates shops
and drops them afterwards. The fixtures are built on the engine's pytest plugin.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.management import ManagementUtility
from django.db import connection

from tenants.context import TenantInfo, active_tenant
from tenants.contrib.limits.limiter import addresses, limiter
from tenants.lifecycle import TenantSpec
from tenants.registry.lookup import tenant_by_slug
from tenants.testing import databases
from tests.typed import Ended, Manage
from tests.written_migrations import WriteMigrations, written_migrations

pytest_plugins = ["tenants.testing.plugin"]
collect_ignore = ["foreign", "foreign_users", "apps"]  # projects that tests/acceptance and `make test-apps` run


def pytest_configure() -> None:
    """Handle Ctrl-C, collect garbage less often, and give Hypothesis no deadline on slow machines."""
    hypothesis.settings.register_profile(
        "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("any machine")
    # A shell makes its background processes, and their children, ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A full collection visits a million objects. With Python's thresholds it took a quarter of the tests' time.
    gc.set_threshold(10_000, 10, 50)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest tests first, so that no worker is idle at the end while another still runs one."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture(scope="session")
def tenant_specs() -> Sequence[TenantSpec]:
    return (
        TenantSpec(slug="acme", name="Acme", owner_email="owner@acme.example", currency="USD"),
        TenantSpec(slug="globex", name="Globex", owner_email="owner@globex.example", currency="EUR"),
        TenantSpec(slug="initech", name="이니텍", owner_email="owner@initech.example", language="ko"),
    )


@pytest.fixture(autouse=True)
def _full_buckets() -> None:
    """Clear the limiters: on a fast machine, tests of one shop would together exceed its request rate."""
    limiter.clear()
    addresses.clear()


@pytest.fixture
def acme(tenant: TenantInfo) -> TenantInfo:
    return tenant


@pytest.fixture
def globex(other_tenant: TenantInfo) -> TenantInfo:
    return other_tenant


@pytest.fixture
def initech(db: None) -> TenantInfo:
    return tenant_by_slug("initech")


@pytest.fixture
def open_shop(open_tenant: Callable[..., TenantInfo]) -> Callable[..., TenantInfo]:
    """Return a function that creates a committed shop. The shops are dropped after the test."""
    return open_tenant


@pytest.fixture
def drop_tenant() -> Callable[[TenantInfo], None]:
    """Return a function that drops a committed shop, for shops that `open_shop` did not create."""
    return lambda tenant: databases.drop_tenant(tenant.id)


@pytest.fixture
def live_tenant(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    """One committed shop, for tests with threads."""
    return open_shop()


@pytest.fixture
def sql_row() -> Callable[..., tuple[Any, ...]]:
    """Return a function that runs a statement on the default connection and returns its first row."""

    def row(statement: str, params: Any = None) -> tuple[Any, ...]:
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return cursor.fetchone()

    return row


@pytest.fixture
def manage(committed: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Manage:
    """Return a function that does what `manage.py WORDS…` does, in this process and without a terminal."""
    monkeypatch.setattr("sys.stdin", StringIO())

    def run(*words: str) -> Ended:
        capsys.readouterr()
        code: Any = 0
        try:
            ManagementUtility(["manage.py", *words]).execute()
        except SystemExit as end:
            code = end.code or 0
        assert active_tenant() is None
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def write_migrations(tmp_path: Path) -> Iterator[WriteMigrations]:
    """Return a function that writes a migration of the ledger for this test: `write(name, operations)`."""
    with written_migrations(tmp_path) as write:
        yield write
