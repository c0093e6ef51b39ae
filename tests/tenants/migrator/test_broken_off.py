"""Long operations in which the k-th statement fails: no block is left open, and the real cause is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle import TenantSpec, create_tenant, rename_tenant, set_variant
from tenants.migrator import apply
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions, find_behind, migrate_one
from tenants.models import Tenant
from tests.tenants.lifecycle.contents import structure

OpenShop = Callable[..., TenantInfo]


class Broken(Exception):
    """What Python code raises between two statements."""


CAUSE = {
    "error": "division by zero",
    "cut": "connection",
    "timeout": "statement timeout",
    "python": "broken by the test",
}


class Breaker:
    """Breaks the k-th statement of this thread's connection in one of several ways; counts them all."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind = kind
        self.number = number
        self.seen = 0

    @property
    def has_struck(self) -> bool:
        return self.seen >= self.number

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self.seen += 1
        if self.seen != self.number:
            return execute(sql, params, many, context)
        if self.kind == "python":
            raise Broken("broken by the test")
        if self.kind == "cut":
            pid = connection.connection.info.backend_pid
            with connection.connect_directly() as other:
                other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            return execute(sql, params, many, context)
        if self.kind == "timeout":
            return execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(20)", None, many, context)
        return execute("SELECT 1/0", None, many, context)


@contextmanager
def breaking(kind: str, number: int) -> Iterator[Breaker]:
    breaker = Breaker(kind, number)
    with connection.execute_wrapper(breaker):
        yield breaker


def check_next_tenant(neighbour: TenantInfo) -> None:
    """The thread is in no block, and what it writes for the next tenant is committed, in that tenant's schema."""
    assert not connection.in_atomic_block
    assert not connection.needs_rollback
    name = uuid4().hex
    with use_tenant(neighbour):
        Group.objects.create(name=name)
    with connection.connect_directly() as other:
        gone = f'DELETE FROM "{neighbour.schema}".auth_group WHERE name = %s RETURNING 1'
        assert other.execute(gone, [name]).fetchone() == (1,), "not committed"


def check_cause(error: Exception, breaker: Breaker) -> None:
    assert CAUSE[breaker.kind] in str(error)
    assert breaker.has_struck


def assert_names(error: str, kind: str) -> None:
    assert CAUSE[kind] in error, error
    assert "\n" not in error


KINDS = list(CAUSE)


@pytest.mark.parametrize("first", [0, 1])
def test_an_error_in_any_statement_of_creating_leaves_no_block_open(
    open_shop: OpenShop, drop_tenant: Callable[[TenantInfo], None], first: int
) -> None:
    """Fault 1: `create_tenant`, by the script that other tenants went before."""
    neighbour = open_shop()
    for number in count(1 + first, 2):
        slug, kind = f"broken-{uuid4().hex[:8]}", KINDS[(number // 2 + first) % 4]
        with breaking(kind, number) as breaker:
            try:
                tenant = create_tenant(TenantSpec(slug=slug))
            except Exception as error:
                check_cause(error, breaker)
                tenant = None
        check_next_tenant(neighbour)
        with use_tenant(PLATFORM):
            assert Tenant.objects.filter(slug=slug).exists() == (tenant is not None)
        if tenant is not None:
            drop_tenant(tenant)
        if not breaker.has_struck:
            break
    assert number > 15


@pytest.mark.parametrize("way", ["by the script", "by Django"])
@pytest.mark.parametrize("first", [0, 1])
def test_an_error_in_any_statement_of_migrating_leaves_no_block_open(open_shop: OpenShop, way: str, first: int) -> None:
    """Fault 1: `migrate_tenants`, with Python steps, deferred statements and a migration without a transaction."""
    neighbour, shop = open_shop(), open_shop()
    back = RunOptions(targets=tuple(chosen_targets("ledger", "0001")))
    whole = structure(shop)
    for number in count(1 + first, 2):
        kind = KINDS[(number // 2 + first) % 4]
        assert not migrate_one(shop, back).failed
        if way == "by Django":
            apply._scripts.clear()
            apply._latest.clear()
        with breaking(kind, number) as breaker:
            outcome = migrate_one(shop, RunOptions())
        check_next_tenant(neighbour)
        if not breaker.has_struck:
            assert outcome.applied
            break
        if outcome.failed:
            assert_names(outcome.error, kind)
            assert not migrate_one(shop, RunOptions()).failed
    assert structure(shop) == whole
    assert number > 3


@pytest.mark.parametrize("what", ["variant", "name"])
def test_an_error_in_any_statement_of_a_change_leaves_no_block_open(open_shop: OpenShop, what: str) -> None:
    """Fault 1: `set_variant` and `rename_tenant`."""
    neighbour, shop = open_shop(), open_shop()
    for number in count(1, 3 if what == "variant" else 1):
        slug = shop.slug if what == "variant" else f"other-{uuid4().hex[:8]}"
        kind = KINDS[number % 4]
        with breaking(kind, number) as breaker:
            try:
                if what == "variant":
                    set_variant(shop.slug, "customer_a")
                else:
                    rename_tenant(shop.slug, slug)
            except Exception as error:
                check_cause(error, breaker)
                slug = shop.slug
        check_next_tenant(neighbour)
        if not breaker.has_struck:
            break
        with use_tenant(PLATFORM):
            assert Tenant.objects.get(pk=shop.id).slug == slug
    assert number > 3


def test_a_deferred_statement_that_fails_leaves_no_block_open(open_shop: OpenShop) -> None:
    """Fault 1: Django runs deferred statements before it leaves the transaction, and so never leaves it."""
    shop = open_shop()
    for outer in (True, False):
        with use_tenant(shop.as_owner()):
            with pytest.raises(DatabaseError, match="division by zero"):
                if outer:
                    with transaction.atomic(), connection.schema_editor(atomic=True) as editor:
                        editor.deferred_sql.append("SELECT 1/0")
                else:
                    with connection.schema_editor(atomic=True) as editor:
                        editor.execute("CREATE TABLE half_made (i int)")
                        editor.deferred_sql += ["SELECT 1/0", "SELECT 2"]
            assert not connection.in_atomic_block
            assert "half_made" not in connection.introspection.table_names()
    check_next_tenant(shop)


def test_an_error_in_the_editors_block_sends_no_deferred_statement(open_shop: OpenShop) -> None:
    """Fault 1: the other way out of the editor."""
    shop = open_shop()
    with use_tenant(shop.as_owner()):
        with pytest.raises(Broken), connection.schema_editor(atomic=True) as editor:
            editor.deferred_sql.append("SELECT 1/0")
            raise Broken
    check_next_tenant(shop)


def test_a_table_that_others_hold_fails_one_tenant_and_no_other(open_shop: OpenShop) -> None:
    """Fault 1: nine were told migrated, and then lost."""
    shops = [open_shop() for _ in range(4)]
    back = RunOptions(targets=tuple(chosen_targets("ledger", "0001")))
    assert [outcome.failed for outcome in Run(shops, back)] == [False] * 4
    held = shops[1]
    with connection.connect_directly() as shopper:
        shopper.execute(f'BEGIN; LOCK TABLE "{held.schema}".ledger_entry IN ROW EXCLUSIVE MODE')
        outcomes = {outcome.tenant.slug: outcome for outcome in Run(shops, RunOptions(jobs=1, lock_timeout=0.2))}
        shopper.execute("ROLLBACK")
    assert [slug for slug, outcome in outcomes.items() if outcome.failed] == [held.slug]
    assert "lock timeout" in outcomes[held.slug].error
    assert "\n" not in outcomes[held.slug].error
    assert [one.slug for one in find_behind(slug__in=[shop.slug for shop in shops])[1]] == [held.slug]


@pytest.mark.parametrize("kind", ["error", "python"])
def test_create_tenant_names_the_cause_in_one_line(open_shop: OpenShop, kind: str) -> None:
    """Fault 1: it was hidden behind another error and 120 lines of traceback."""
    open_shop()
    slug = f"broken-{uuid4().hex[:8]}"
    with breaking(kind, 4), pytest.raises(CommandError) as caught:
        call_command("create_tenant", slug, stdout=StringIO(), stderr=StringIO())
    message = str(caught.value)
    assert_names(message, kind)
    assert message.startswith(f"Creating tenant '{slug}' failed: ")
    assert "already exists" not in message
