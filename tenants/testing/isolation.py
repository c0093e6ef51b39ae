"""Isolation check of the current project, in a database that is created for it and dropped."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, cast

from django.db import connection
from django.test.utils import setup_test_environment, teardown_test_environment

from tenants.context import PLATFORM, use_tenant
from tenants.errors import ConfigurationError
from tenants.lifecycle import TenantSpec, create_tenant
from tenants.lifecycle.backup.scratch_database import drop_left_over, scratch_name
from tenants.postgresql.creation import drop_roles_of
from tenants.postgresql.direct_connection import connect_directly
from tenants.registry.lookup import tenant_by_slug
from tenants.testing.databases import drop_tenant, test_database
from tenants.testing.probe import Result, Stage, new_secret, run_probes
from tenants.testing.probes import all_probes

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

_PURPOSE = "isolation"
_FIRST_ID = 2_000_000_000
"""First id of tenants here, in the 31 bits of lock numbers. No cache or folder of real tenants has such a schema."""


def check_isolation() -> Iterator[Result]:
    """Yield the results of all probes. They use the project's caches and storages, and remove what they write there.

    The database user must be allowed to create databases. No e-mail is sent.
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
        logging.disable(logging.CRITICAL)  # refused probes write warnings and errors
        try:
            with test_database([], reuse=False):
                yield from _with_two_tenants()
        finally:
            logging.disable(logging.NOTSET)
            teardown_test_environment()
            tests["NAME"] = before


def _check_may_create_databases() -> None:
    with closing(connect_directly()) as session:
        row = session.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if row != (True,):
        raise ConfigurationError(
            "check_isolation failed: the database user may not create databases. Give it CREATEDB "
            "(`ALTER USER … CREATEDB`), or run the command where your tests run."
        )


def _with_two_tenants() -> Iterator[Stage]:
    secret = new_secret()
    _set_first_id()
    specs = [TenantSpec(slug=f"{secret}-{which}", name=f"{secret}-{which}") for which in ("owner", "other")]
    tenants = []
    try:
        for spec in specs:
            create_tenant(spec)
            tenants.append(tenant_by_slug(spec.slug))
        owner, other = tenants
        yield Stage(owner=owner, other=other, secret=secret)
    finally:
        for tenant in tenants:
            drop_tenant(tenant.id)


def _set_first_id() -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        first = _FIRST_ID + secrets.randbelow(100_000_000)
        cursor.execute("SELECT setval(pg_get_serial_sequence('tenants_tenant', 'id'), %s)", [first])
