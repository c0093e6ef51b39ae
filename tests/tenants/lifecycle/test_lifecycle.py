"""Creating a tenant is all or nothing, after any error and with concurrent runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.test import override_settings

from tenants import PLATFORM, TenantInfo, active_tenant, current_tenant, use_tenant
from tenants.errors import DomainTaken, InvalidName, SchemaExists, TenantExists
from tenants.lifecycle import TenantSpec, add_domain, create_tenant, delete_tenant, purge_tenant
from tenants.models import AuditEvent, Domain, SchemaState, Tenant
from tenants.registry.lookup import registry, tenant_by_slug
from tests.settings import TENANTS

OpenShop = Callable[..., TenantInfo]


def fail(spec: TenantSpec) -> None:
    """Be a step that writes, and then fails."""
    Group.objects.create(name="half made")
    raise ZeroDivisionError


def populate(spec: TenantSpec) -> None:
    """Be a step that writes as the tenant, now and after the commit."""
    Group.objects.create(name=f"{spec.slug} {current_tenant().slug}")
    transaction.on_commit(lambda: Group.objects.create(name=f"after the commit of {current_tenant().slug}"))


STEPS = [f"{__name__}.{name}" for name in ("populate", "fail")]


OF_THIS_DATABASE = r"LIKE replace(current_database(), '_', '\_') || '\_t\_%'"
"""Roles are the whole server's, on which other workers of the test run have databases as well."""


def trace() -> dict[str, list[Any]]:
    """Return everything by which a tenant can leave a trace in the server."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        found = {}
        for what, query in {
            "schemas": "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' ORDER BY 1",
            "roles": f"SELECT rolname FROM pg_roles WHERE rolname {OF_THIS_DATABASE} ORDER BY 1",
            "members": f"SELECT roleid FROM pg_auth_members WHERE roleid::regrole::text {OF_THIS_DATABASE} ORDER BY 1",
            "tenants": "SELECT slug FROM tenants_tenant ORDER BY 1",
            "domains": "SELECT host FROM tenants_domain ORDER BY 1",
            "states": "SELECT tenant_id FROM tenants_schemastate ORDER BY 1",
            "audit": "SELECT id FROM tenants_auditevent ORDER BY 1",
            "defaults": "SELECT defaclnamespace::text FROM pg_default_acl ORDER BY 1",
        }.items():
            cursor.execute(query)
            found[what] = [value for (value,) in cursor.fetchall()]
    return found


@pytest.fixture
def nothing_is_left(committed: None) -> Iterator[None]:
    before = trace()
    yield
    assert trace() == before
    assert active_tenant() is None


@pytest.mark.usefixtures("nothing_is_left")
@pytest.mark.parametrize("place", range(3))
def test_a_step_that_fails_leaves_no_row_schema_or_role(place: int) -> None:
    steps = [*TENANTS["STEPS"]]
    steps.insert(place, STEPS[1])
    order = TenantSpec(slug="half-made", owner_email="o@half.example", domain="half-made.example")
    with override_settings(TENANTS={**TENANTS, "STEPS": steps}), pytest.raises(ZeroDivisionError):
        create_tenant(order)
    assert registry.get("slug:half-made") is None


def leave_open(spec: TenantSpec) -> None:
    transaction.atomic().__enter__()


@pytest.mark.usefixtures("nothing_is_left")
def test_a_step_that_leaves_a_transaction_open_fails_the_opening() -> None:
    """Fault 53: the tenant was told open, nothing was committed, and the thread stayed in the transaction."""
    steps = [*TENANTS["STEPS"], f"{__name__}.leave_open"]
    with override_settings(TENANTS={**TENANTS, "STEPS": steps}):
        with pytest.raises(transaction.TransactionManagementError, match="was entered and not left"):
            create_tenant(TenantSpec(slug="half-made", owner_email="o@half.example"))
    assert not connection.in_atomic_block


@pytest.mark.usefixtures("nothing_is_left")
@pytest.mark.parametrize(
    "spec",
    [
        TenantSpec(slug="half-made", name="x" * 201),
        TenantSpec(slug="half-made", name="a\0b"),
        TenantSpec(slug="half-made", owner_email="o" * 200 + "@half.example"),
        TenantSpec(slug="half-made", domain="half_made.example"),
        TenantSpec(slug="half-made", domain="half-made.localhost"),
        TenantSpec(slug="half-made", domain="localhost"),
        TenantSpec(slug="half-made", time_zone="Moon/Tranquility"),
        TenantSpec(slug="acme", owner_email="o@half.example"),
    ],
)
def test_an_order_that_will_not_do_leaves_nothing(spec: TenantSpec) -> None:
    with pytest.raises(Exception):  # noqa: B017  # its kind is the business of other tests
        create_tenant(spec)


@pytest.mark.usefixtures("nothing_is_left")
def test_a_caller_who_changes_their_mind_leaves_nothing() -> None:
    with suppress(KeyError), use_tenant(PLATFORM), transaction.atomic():
        create_tenant(TenantSpec(slug="half-made"))
        raise KeyError


def test_steps_work_as_the_tenant_and_so_do_their_hooks_after_the_commit(open_shop: OpenShop) -> None:
    with override_settings(TENANTS={**TENANTS, "STEPS": STEPS[:1]}):
        shop = open_shop("filled")
    with use_tenant(shop):
        assert set(Group.objects.values_list("name", flat=True)) == {
            "filled filled",
            "after the commit of filled",
        }
    with use_tenant(PLATFORM):
        assert not Group.objects.exists()


def test_an_existing_schema_is_neither_adopted_nor_dropped(open_shop: OpenShop) -> None:
    probe = open_shop()
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM tenants_tenant_id_seq")
        in_the_way = f"t_{cursor.fetchone()[0] + 1}"
        cursor.execute(f"CREATE SCHEMA {in_the_way} CREATE TABLE keep (what text)")
        cursor.execute(f"INSERT INTO {in_the_way}.keep VALUES ('somebody''s')")
    before = trace()
    try:
        with pytest.raises(SchemaExists, match=in_the_way):
            create_tenant(TenantSpec(slug="adopter", owner_email="o@adopter.example"))
        assert trace() == before
        with use_tenant(PLATFORM), connection.cursor() as cursor:
            cursor.execute(f"SELECT what FROM {in_the_way}.keep")
            assert cursor.fetchone() == ("somebody's",)
    finally:
        with use_tenant(PLATFORM), connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {in_the_way} CASCADE")
    assert probe.schema != in_the_way


def in_parallel(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Return what `work` returned or raised on each of `count` threads that begin together."""
    together = Barrier(count, timeout=180)

    def begin(number: int) -> Any:
        together.wait()
        try:
            return work(number)
        except Exception as error:  # it is the result
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def test_of_eight_who_open_one_shop_at_once_one_does_and_no_orphan_is_left(open_shop: OpenShop) -> None:
    before = trace()
    results = in_parallel(8, lambda number: open_shop("popular", name=f"by {number}"))
    opened = [result for result in results if isinstance(result, TenantInfo)]
    assert len(opened) == 1
    assert all(isinstance(result, TenantExists) for result in results if result not in opened)
    after = trace()
    new = {what: [value for value in after[what] if value not in before[what]] for what in after}
    assert new["tenants"] == ["popular"]
    assert new["schemas"] == [opened[0].schema]
    assert new["roles"] == [opened[0].role]
    assert new["states"] == [opened[0].id]


def test_eight_who_open_eight_shops_at_once_all_do(open_shop: OpenShop) -> None:
    results = in_parallel(8, lambda number: open_shop(f"at-once-{number}"))
    assert [result.slug for result in results] == [f"at-once-{number}" for number in range(8)]
    assert len({result.schema for result in results}) == 8


def test_of_two_who_take_one_domain_at_once_one_gets_it(open_shop: OpenShop) -> None:
    shops = [open_shop(), open_shop()]
    results = in_parallel(2, lambda number: add_domain(shops[number].slug, "wanted.example"))
    assert {type(result) for result in results} == {TenantInfo, DomainTaken}


def test_the_same_slug_again_is_an_empty_shop_in_another_schema(open_shop: OpenShop) -> None:
    first = open_shop("phoenix", owner_email="old@phoenix.example")
    with use_tenant(first):
        Group.objects.create(name="the old owner's secret")
    delete_tenant("phoenix")
    with pytest.raises(TenantExists):
        create_tenant(TenantSpec(slug="phoenix"))
    purge_tenant("phoenix")
    second = open_shop("phoenix")
    assert (second.id, second.schema, second.role) != (first.id, first.schema, first.role)
    assert tenant_by_slug("phoenix").id == second.id
    with use_tenant(second):
        assert not User.objects.exists()
        assert not Group.objects.filter(name="the old owner's secret").exists()


ODD_BUT_GOOD = ["order", "user", "1", "0", "select", "a" * 63, "pg-catalog", "information-schema", "a--b", "xn-a"]


def test_odd_slugs_round_trip_and_never_name_a_schema(committed: None) -> None:
    """All in one transaction that is rolled back: their schemas are really made."""
    with suppress(KeyError), use_tenant(PLATFORM), transaction.atomic():
        made = [create_tenant(TenantSpec(slug=slug)) for slug in ODD_BUT_GOOD]
        for tenant, slug in zip(made, ODD_BUT_GOOD, strict=True):
            row = Tenant.objects.get(slug=slug)
            assert (row.pk, row.schema) == (tenant.id, f"t_{tenant.id}")
            with use_tenant(tenant), connection.cursor() as cursor:
                cursor.execute("SELECT current_schema(), current_user")
                assert cursor.fetchone() == (tenant.schema, tenant.role)
        raise KeyError


@pytest.mark.parametrize("slug", ["z';CREATE TABLE public.pwned(i int)--", 'q"; DROP SCHEMA public', "..", "a\0", "É"])
def test_a_slug_that_will_not_do_is_refused_before_anything_is_done(nothing_is_left: None, slug: str) -> None:
    with pytest.raises(InvalidName):
        create_tenant(TenantSpec(slug=slug))


def test_a_new_tenant_is_complete_and_written_down(open_shop: OpenShop) -> None:
    shop = open_shop("complete", name="완전", owner_email="o@complete.example", domain="Complete.Example.")
    assert (shop.name, shop.host) == ("완전", "complete.example")
    with use_tenant(PLATFORM):
        assert SchemaState.objects.get(tenant_id=shop.id).outcome == "migrated"
        assert Domain.objects.get(tenant_id=shop.id).is_primary
        assert AuditEvent.objects.filter(tenant_id=shop.id, action="create").count() == 1
    with use_tenant(shop):
        owner = User.objects.get()
        assert owner.is_superuser
        assert not owner.has_usable_password()
