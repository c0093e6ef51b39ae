"""A clone is a snapshot of the shop with a separate schema, epoch and users, and without sessions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client, override_settings

from shop.anonymize import ADDRESS
from shop.customers.models import Customer
from shop.goods.models import Goods
from shop.orders.models import Order
from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.errors import (
    ConfigurationError,
    InvalidName,
    OperationFailed,
    SchemaDrift,
    SchemaOutdated,
    TenantExists,
    TenantLocked,
)
from tenants.lifecycle import add_domain, clone_tenant, purge_tenant, suspend_tenant
from tenants.migrator.apply import migrate_tenant
from tenants.migrator.graph import chosen_targets
from tenants.models import AuditEvent, Domain, Tenant
from tests.tenants.lifecycle.contents import contents, files, populate, rows

OpenShop = Callable[..., TenantInfo]
Clone = Callable[..., TenantInfo]
SqlRow = Callable[..., tuple[Any, ...]]


@pytest.fixture
def clone(committed: None) -> Iterator[Clone]:
    """Return a function that clones a shop; the clones are taken away after the test."""
    made: list[TenantInfo] = []

    def clone(source: TenantInfo, slug: str = "", **options: Any) -> TenantInfo:
        made.append(clone_tenant(source.slug, slug or f"{source.slug}-copy", **options))
        return made[-1]

    yield clone
    for tenant in made:
        with use_tenant(PLATFORM):
            Tenant.objects.filter(pk=tenant.id).update(status=Tenant.Status.DELETED)
        purge_tenant(tenant.slug)


@pytest.fixture
def shop(open_shop: OpenShop) -> TenantInfo:
    """A shop with something in every table that matters."""
    tenant = open_shop(currency="EUR", language="ko", time_zone="Europe/Berlin", api_version="v2")
    populate(tenant)
    return tenant


def leftovers() -> tuple[int, list[str], list[Path]]:
    """Return what half a clone would be: rows, schemas, folders."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_' ORDER BY nspname")
        return Tenant.objects.count(), [name for (name,) in cursor], sorted(Path(settings.MEDIA_ROOT).glob("*"))


def test_a_clone_has_the_structure_rows_sequences_and_files_of_its_source(shop: TenantInfo, clone: Clone) -> None:
    before = contents(shop)
    copy = clone(shop)
    assert contents(copy) == before == contents(shop)
    assert len(files(copy)) == 1


def test_clone_has_a_new_schema_and_role_and_the_options_of_its_source(shop: TenantInfo, clone: Clone) -> None:
    add_domain(shop.slug, "cloned.example", primary=True)
    suspend_tenant(shop.slug)
    copy = clone(shop, name="A copy")
    assert copy.schema != shop.schema
    assert copy.role not in {"", shop.role}
    assert (copy.name, copy.status, copy.bypass) == ("A copy", "active", "")
    facts = ("variant", "language", "currency", "time_zone", "api_version")
    assert [getattr(copy, fact) for fact in facts] == [getattr(shop, fact) for fact in facts]
    with use_tenant(PLATFORM):
        assert not Domain.objects.filter(tenant=copy.id).exists()


def test_a_clone_is_as_strict_with_its_staff_and_its_crowd_as_its_source(shop: TenantInfo, clone: Clone) -> None:
    terms: dict[str, Any] = {"staff_second_factor": True, "plan": "large", "max_rate": 7, "max_statement_seconds": 3}
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(**terms)
    copy = clone(shop)
    with use_tenant(PLATFORM):
        assert Tenant.objects.values(*terms).get(pk=copy.id) == terms
    assert (copy.staff_second_factor, copy.limits.rate) == (True, 7)


def test_source_and_clone_go_separate_ways(shop: TenantInfo, clone: Clone) -> None:
    copy = clone(shop)
    with use_tenant(copy):
        Goods.objects.get(slug="goods-0").delete()
        Goods.objects.create(name="New", slug="new")
        default_storage.delete("goods/picture 그림.png")
    with use_tenant(shop):
        assert Goods.objects.count() == 3
        assert default_storage.exists("goods/picture 그림.png")


def test_clone_has_passwords_but_no_sessions(
    shop: TenantInfo, clone: Clone, client_of: Callable[[TenantInfo], Client]
) -> None:
    browser = client_of(shop)
    with use_tenant(shop):
        browser.force_login(User.objects.get(username="kim"))
    copy = clone(shop)
    with use_tenant(copy):
        assert Session.objects.count() == 0
        assert User.objects.get(username="kim").check_password("correct horse")
    with use_tenant(shop):
        assert Session.objects.count() == 2


def test_anonymized_clone_has_no_personal_data(shop: TenantInfo, clone: Clone) -> None:
    with use_tenant(shop):
        user = User.objects.get(username="kim")
        LogEntry.objects.create(user=user, object_repr="Kim Min-su <kim@shop.example>", action_flag=2)
    copy = clone(shop, anonymize=True)
    text = str(rows(copy))
    assert not [word for word in ("kim", "Kim", "Min-su", "Sejong", "010-1234-5678", "correct") if word in text]
    with use_tenant(copy):
        stranger = User.objects.get()
        assert stranger.username == f"user{stranger.pk}@example.invalid"
        assert not stranger.has_usable_password()
        assert Customer.objects.get().email.endswith("@example.invalid")
        assert Order.objects.get().ship_to == ADDRESS
    with use_tenant(shop):
        assert User.objects.get().username == "kim"


def test_an_anonymized_clone_can_be_cloned_and_anonymized_again(shop: TenantInfo, clone: Clone) -> None:
    once = clone(shop, anonymize=True)
    twice = clone(once, anonymize=True)
    assert {**rows(twice), "auth_user": []} == {**rows(once), "auth_user": []}


def test_a_clone_is_as_of_one_moment_though_shoppers_go_on(shop: TenantInfo, clone: Clone) -> None:
    begun, end = Event(), Event()

    def buy() -> None:
        with use_tenant(shop):
            number = 0
            while not end.is_set():
                # One more of each at the same time: a clone has to have as many of these as of those.
                with connection.cursor() as cursor:
                    cursor.execute(
                        "INSERT INTO ledger_account (name) VALUES (%s); "
                        "INSERT INTO goods_category (name, slug, position) VALUES (%s, %s, 0)",
                        [str(number), str(number), str(number)],
                    )
                number += 1
                begun.set()
        connection.close()

    buyer = Thread(target=buy)
    buyer.start()
    try:
        assert begun.wait(180)
        copy = clone(shop)
    finally:
        end.set()
        buyer.join()
    found = rows(copy)
    assert len(found["ledger_account"]) == len(found["goods_category"]) > 0
    with use_tenant(copy):
        Goods.objects.create(name="New", slug="new")


def test_failed_clone_names_the_cause_and_leaves_nothing(shop: TenantInfo, open_shop: OpenShop) -> None:
    taken = open_shop()
    before = leftovers()
    for new_slug, error in ((taken.slug, TenantExists), ("admin", InvalidName)):
        with pytest.raises(error):
            clone_tenant(shop.slug, new_slug)
    with pytest.raises(TenantNotFound):
        clone_tenant("never-was", "new-shop")
    with override_settings(TENANTS={**settings.TENANTS, "ANONYMIZERS": ["shop.anonymize.nothing"]}):
        with pytest.raises(ConfigurationError, match="shop.anonymize.nothing"):
            clone_tenant(shop.slug, "new-shop", anonymize=True)
    with override_settings(TENANTS={**settings.TENANTS, "CLONE_LEAVES_OUT": ["sessions.Sesion"]}):
        with pytest.raises(ConfigurationError, match=r"sessions\.Sesion"):
            clone_tenant(shop.slug, "new-shop")
    # The users go, and the customers who point at them stay.
    with override_settings(TENANTS={**settings.TENANTS, "CLONE_LEAVES_OUT": ["auth.User"]}):
        with pytest.raises(OperationFailed, match="foreign key"):
            clone_tenant(shop.slug, "new-shop")
    assert leftovers() == before


def test_a_clone_that_is_stopped_half_way_leaves_nothing(shop: TenantInfo) -> None:
    before = leftovers()

    before_that = len(list(Path(settings.MEDIA_ROOT).rglob("*.*")))

    def stop(done: int, total: int) -> None:
        if len(list(Path(settings.MEDIA_ROOT).rglob("*.*"))) > before_that + 1:
            raise KeyboardInterrupt

    with use_tenant(shop):
        default_storage.save("goods/second.txt", ContentFile(b"more"))
    with pytest.raises(KeyboardInterrupt):
        clone_tenant(shop.slug, "new-shop", progress=stop)
    assert leftovers() == before


def test_clone_does_not_get_files_left_in_its_folder(shop: TenantInfo, sql_row: SqlRow) -> None:
    with use_tenant(PLATFORM):
        (number,) = sql_row("SELECT nextval(pg_get_serial_sequence('tenants_tenant', 'id')) + 1")
    foreign = Path(settings.MEDIA_ROOT) / f"t_{number}" / "goods" / "secret.png"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"of a shop in another database")
    with pytest.raises(OperationFailed, match=f"t_{number}"):
        clone_tenant(shop.slug, "new-shop")
    assert foreign.read_bytes() == b"of a shop in another database"
    shutil.rmtree(foreign.parents[1])


def test_a_shop_that_is_behind_is_not_cloned(shop: TenantInfo) -> None:
    migrate_tenant(shop, chosen_targets("ledger", "0004"))
    with pytest.raises(SchemaOutdated, match=f"migrate_tenants --tenant {shop.slug}"):
        clone_tenant(shop.slug, "new-shop")


def test_a_shop_with_a_table_that_no_migration_made_is_not_cloned(shop: TenantInfo) -> None:
    with use_tenant(shop.as_owner()), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE by_hand (note text)")
    with pytest.raises(SchemaDrift, match=r"by_hand\.note"):
        clone_tenant(shop.slug, "new-shop")


def test_migrations_and_clones_of_one_shop_keep_apart(shop: TenantInfo, clone: Clone) -> None:
    refused: list[str] = []

    def migrate_meanwhile(done: int, total: int) -> None:
        if not refused:
            with pytest.raises(TenantLocked) as caught:
                migrate_tenant(shop, chosen_targets("ledger", "0004"))
            refused.append(caught.value.slug)

    clone(shop, progress=migrate_meanwhile)
    assert refused == [shop.slug]


def test_both_shops_have_it_written_down(shop: TenantInfo, clone: Clone) -> None:
    copy = clone(shop, anonymize=True)
    with use_tenant(PLATFORM):
        told = AuditEvent.objects.filter(action__in=["clone", "create"], detail__anonymized=True).order_by("id")
        found = [
            (event.action, event.tenant_id, event.detail) for event in told if event.tenant_id in {shop.id, copy.id}
        ]
    assert found == [
        ("clone", shop.id, {"clone": copy.slug, "anonymized": True}),
        ("create", copy.id, {"clone_of": shop.slug, "anonymized": True}),
    ]


def test_the_command_clones_and_tells_as_json(shop: TenantInfo) -> None:
    out = StringIO()
    slug = f"{shop.slug}-by-hand"
    call_command("clone_tenant", shop.slug, slug, "--name", "By hand", "--json", stdout=out)
    told = json.loads(out.getvalue())
    try:
        assert (told["slug"], told["name"], told["clone_of"]) == (slug, "By hand", shop.slug)
        with pytest.raises(CommandError, match="already exists"):
            call_command("clone_tenant", shop.slug, slug)
    finally:
        with use_tenant(PLATFORM):
            Tenant.objects.filter(slug=slug).update(status=Tenant.Status.DELETED)
        purge_tenant(slug)
