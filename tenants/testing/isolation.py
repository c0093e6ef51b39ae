"""Trying the isolation of the project at hand, in a database that is made for it and taken away."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from django.db import connection
from django.test.utils import setup_test_environment, teardown_test_environment

from tenants.context import PLATFORM, use_tenant
from tenants.errors import ConfigurationError
from tenants.lifecycle import NewTenant, create_tenant
from tenants.lifecycle.backup.scratch_database import drop_left_over, scratch_name
from tenants.postgresql.creation import drop_roles_of
from tenants.postgresql.direct_connection import connect_directly
from tenants.registry.lookup import tenant_by_slug
from tenants.testing.databases import take_away, test_database
from tenants.testing.probe import Result, Stage, new_secret, run_probes
from tenants.testing.probes import all_probes

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

_PURPOSE = "isolation"
_FAR_AWAY = 2_000_000_000
"""Ids from here on, of the 31 bits that locks take: no real tenant's schema has such a name, in a cache or folder that
is shared."""


def check_isolation() -> Iterator[Result]:
    """Yield what every probe finds. Uses the project's real caches and storages; what it puts there it takes out again.

    Needs a database user who may create databases. E-mail goes nowhere.
    """
    with _stage() as stage:
        yield from run_probes(stage, all_probes())


@contextmanager
def _stage() -> Iterator[Stage]:
    for database in drop_left_over(_PURPOSE):
        drop_roles_of(cast("DatabaseWrapper", connection), database)
    _check_may_create_databases()
    with scratch_name(_PURPOSE) as name:
        tests = connection.settings_dict["TEST"]
        before, tests["NAME"] = tests["NAME"], name
        setup_test_environment(debug=False)
        logging.disable(logging.CRITICAL)  # probes are refused all the time
        try:
            with test_database([], reuse=False):
                yield from _with_two_tenants()
        finally:
            logging.disable(logging.NOTSET)
            teardown_test_environment()
            tests["NAME"] = before


def _check_may_create_databases() -> None:
    with connect_directly() as session:
        row = session.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if row != (True,):
        raise ConfigurationError(
            "The database user may not create databases, and isolation is tried in one of its own. Give it CREATEDB "
            "(`ALTER USER … CREATEDB`), or run this where your tests run."
        )


def _with_two_tenants() -> Iterator[Stage]:
    secret = new_secret()
    _begin_far_away()
    orders = [NewTenant(slug=f"{secret}-{which}", name=f"{secret}-{which}") for which in ("owner", "other")]
    tenants = []
    try:
        for order in orders:
            create_tenant(order)
            tenants.append(tenant_by_slug(order.slug))
        owner, other = tenants
        yield Stage(owner=owner, other=other, secret=secret)
    finally:
        for tenant in tenants:
            take_away(tenant.id)


def _begin_far_away() -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        first = _FAR_AWAY + secrets.randbelow(100_000_000)
        cursor.execute("SELECT setval(pg_get_serial_sequence('tenants_tenant', 'id'), %s)", [first])
