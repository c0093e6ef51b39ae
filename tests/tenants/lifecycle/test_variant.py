"""A live tenant gets another variant, and its old one back, in one transaction and without loss."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import F, Model
from django.test import RequestFactory, override_settings

from shop.goods.models import Goods, Sku
from shop.variants.customer_a import models as customer_a
from shop.variants.grocer import models as grocer
from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.errors import InvalidMappingFile, LockTimeout, SchemaOutdated, TenantLocked, UnknownVariant
from tenants.http.overload import response_to_error
from tenants.lifecycle import backup_tenant, clone_tenant, restore_tenant, set_variant
from tenants.lifecycle.audit import acting_as
from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.apply import migrate_tenant
from tenants.migrator.cohorts import cohorts
from tenants.migrator.graph import chosen_targets
from tenants.migrator.history import session_lock
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.migrator.status_table import status_table
from tenants.migrator.verify import verify
from tenants.models import AuditEvent, Operation
from tenants.registry.lookup import tenant_by_slug
from tenants.variants import discovery, resolve, variants
from tests.waiting import eventually
from tests.written_migrations import forget_what_was_read

OpenShop = Callable[..., TenantInfo]


def make_goods(number: int, first: int = 0) -> None:
    for n in range(first, first + number):
        goods = Goods.objects.create(name=f"Goods {n}", slug=f"goods-{n}")
        Sku.objects.create(goods=goods, price=Decimal(10 + n), stock=5)


@pytest.fixture
def shop(open_shop: OpenShop) -> TenantInfo:
    """A committed shop of the default variant with four goods."""
    opened = open_shop(currency="USD")
    with use_tenant(opened):
        make_goods(4)
    return opened


def now(shop: TenantInfo) -> TenantInfo:
    return tenant_by_slug(shop.slug)


def findings(*shops: TenantInfo) -> list[str]:
    return [f"{found.slug}: {found.what}" for found in verify([now(shop) for shop in shops])]


def rows_of(shop: TenantInfo) -> dict[str, Any]:
    with use_tenant(shop):
        return dict(customer_a.Goods.objects.values_list("slug", "category_code"))


def mapping(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mapping.csv"
    file.write_text(text)
    return file


def test_rows_are_carried_over_with_defaults_and_the_base_code_goes_on(shop: TenantInfo) -> None:
    change = set_variant(shop.slug, "customer_a")
    assert (change.before, change.tenant.variant, change.created) == ("default", "customer_a", {"customer_a_goods": 4})
    with use_tenant(now(shop)):
        assert set(customer_a.Goods.objects.values_list("tax_rate", flat=True)) == {Decimal("0.1")}
        make_goods(1, first=4)
        assert customer_a.Goods.objects.count() == 5
    assert findings(shop) == []
    assert find_behind(slug=shop.slug)[1] == []


def test_what_a_mapping_file_says_is_what_rows_begin_with(shop: TenantInfo, tmp_path: Path) -> None:
    file = mapping(tmp_path, "slug,category_code,tax_rate\ngoods-0,A-1,0.05\ngoods-2,A-2,\n")
    assert set_variant(shop.slug, "customer_a", mapping={"": file}).imported == {"customer_a_goods": 2}
    with use_tenant(now(shop)):
        found = customer_a.Goods.objects.order_by("slug").values_list("category_code", "tax_rate")
        tenth = Decimal("0.1")
        assert list(found) == [("A-1", Decimal("0.05")), ("", tenth), ("A-2", tenth), ("", tenth)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "slug,colour\ngoods-0,red\n",
            "Goods has no field 'colour'. The other columns can be: ",
        ),
        ("name,category_code\nGoods 0,A\n", "'name' is not unique"),
        ("slug,category_code\ngoods-9,A\n", "Line 2: No row has the slug 'goods-9'"),
        ("slug,tax_rate\ngoods-0,much\n", "Line 2, column tax_rate: “much” value must be a decimal number."),
        ("slug,tax_rate\ngoods-0,1.5\n", "Line 2, column tax_rate: Ensure this value is less than or equal to 1."),
        ("slug,tax_rate\ngoods-0\n", "Line 2: The row has 1 cells, but the header has 2"),
        ("slug,category_code\ngoods-0,A\ngoods-0,B\n", "Line 3: The slug 'goods-0' is already on line 2"),
        ("", "A column is missing."),
        (None, "The file cannot be read: No such file"),
    ],
)
def test_a_mapping_that_makes_no_sense_changes_nothing(
    shop: TenantInfo, tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "gone.csv" if text is None else mapping(tmp_path, text)
    with pytest.raises(InvalidMappingFile) as refused:
        set_variant(shop.slug, "customer_a", mapping={"": file})
    assert said in str(refused.value)
    assert now(shop).variant == "default"
    assert findings(shop) == []


def test_there_and_back_loses_nothing(shop: TenantInfo, tmp_path: Path) -> None:
    file = mapping(tmp_path, "slug,category_code\n" + "".join(f"goods-{n},C-{n}\n" for n in range(4)))
    set_variant(shop.slug, "customer_a", mapping={"Goods": file})
    change = set_variant(shop.slug, "default")
    assert change.dormant == {"customer_a_goods": 4}
    assert findings(shop) == []
    with use_tenant(now(shop)):
        Goods.objects.get(slug="goods-1").delete()
        make_goods(1, first=4)
    change = set_variant(shop.slug, "customer_a")
    assert (change.reactivated, change.created) == ({"customer_a_goods": 3}, {"customer_a_goods": 1})
    assert rows_of(now(shop)) == {"goods-0": "C-0", "goods-2": "C-2", "goods-3": "C-3", "goods-4": ""}
    assert findings(shop) == []


def test_from_one_variant_to_another_and_back(shop: TenantInfo) -> None:
    set_variant(shop.slug, "customer_a")
    with use_tenant(now(shop)):
        customer_a.Goods.objects.update(category_code="kept")
    change = set_variant(shop.slug, "grocer")
    assert (change.dormant, change.created) == ({"customer_a_goods": 4}, {"grocer_goods": 4, "grocer_sku": 4})
    with use_tenant(now(shop)):
        grocer.Sku.objects.update(best_before="2031-01-01")
    assert findings(shop) == []
    change = set_variant(shop.slug, "customer_a")
    assert (change.dormant, change.reactivated) == ({"grocer_goods": 4, "grocer_sku": 4}, {"customer_a_goods": 4})
    assert set(rows_of(now(shop)).values()) == {"kept"}
    assert findings(shop) == []
    set_variant(shop.slug, "default")
    assert findings(shop) == []


def test_a_clone_and_a_restored_backup_have_what_is_kept_aside(
    shop: TenantInfo, open_shop: OpenShop, tmp_path: Path, drop_tenant: Callable[[TenantInfo], None]
) -> None:
    set_variant(shop.slug, "customer_a")
    with use_tenant(now(shop)):
        customer_a.Goods.objects.update(category_code="kept")
    set_variant(shop.slug, "default")
    clone = clone_tenant(shop.slug, f"{shop.slug}-clone")
    backup_tenant(shop.slug, tmp_path / "backup")
    restored = restore_tenant(tmp_path / "backup", f"{shop.slug}-restored")
    try:
        assert findings(clone, restored) == []
        for copy in (clone, restored):
            assert set_variant(copy.slug, "customer_a").reactivated == {"customer_a_goods": 4}
            assert set(rows_of(now(copy)).values()) == {"kept"}
        with use_tenant(now(restored)):
            make_goods(1, first=9)
            assert customer_a.Goods.objects.count() == 5, "the trigger was restored with its schema's new name"
        assert findings(clone, restored) == []
    finally:
        drop_tenant(clone)
        drop_tenant(restored)


def test_a_clone_and_a_restored_backup_have_their_variant(
    shop: TenantInfo, tmp_path: Path, drop_tenant: Callable[[TenantInfo], None]
) -> None:
    set_variant(shop.slug, "grocer")
    clone = clone_tenant(shop.slug, f"{shop.slug}-clone")
    backup_tenant(shop.slug, tmp_path / "backup")
    restored = restore_tenant(tmp_path / "backup", f"{shop.slug}-restored")
    try:
        assert findings(clone, restored) == []
        for copy in (clone, restored):
            assert copy.variant == "grocer"
            with use_tenant(copy):
                make_goods(1, first=4)
                assert (grocer.Goods.objects.count(), grocer.Sku.objects.count()) == (5, 5)
    finally:
        drop_tenant(clone)
        drop_tenant(restored)


def test_it_is_written_down(shop: TenantInfo) -> None:
    with acting_as("operator kim"):
        set_variant(shop.slug, "customer_a")
    with use_tenant(PLATFORM):
        event = AuditEvent.objects.filter(slug=shop.slug, action="variant").get()
    assert event.actor == "operator kim"
    assert event.detail == {"before": "default", "variant": "customer_a", "created": {"customer_a_goods": 4}}


def test_an_unknown_variant_is_refused(shop: TenantInfo) -> None:
    with pytest.raises(UnknownVariant, match=r"no variant 'customer_z'.*customer_a, default, grocer"):
        set_variant(shop.slug, "customer_z")


def test_tenant_locked_by_another_run_is_unchanged(shop: TenantInfo) -> None:
    with session_lock(shop), pytest.raises(TenantLocked):
        set_variant(shop.slug, "customer_a")
    with use_tenant(PLATFORM):
        work = Operation.objects.create(kind="backup", slug=shop.slug, asked_by="kim", state=Operation.State.WAITING)
    with pytest.raises(TenantLocked):
        set_variant(shop.slug, "customer_a")
    with use_tenant(PLATFORM):
        work.delete()
    assert now(shop).variant == "default"


def test_a_tenant_that_is_behind_is_migrated_first(shop: TenantInfo) -> None:
    migrate_tenant(shop, chosen_targets("ledger", "0004"))
    with pytest.raises(SchemaOutdated):
        set_variant(shop.slug, "customer_a")


def test_tables_in_use_are_waited_for_and_then_all_is_as_it_was(shop: TenantInfo) -> None:
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with use_tenant(shop), transaction.atomic():
            Goods.objects.filter(slug="goods-0").update(name="Held")
            holding.set()
            done.wait(180)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert holding.wait(180)
        with pytest.raises(LockTimeout, match=r"held table 'goods_goods'.*for 0.2 seconds.*pg_stat_activity"):
            set_variant(shop.slug, "customer_a", lock_timeout=0.2)
    finally:
        done.set()
        holder.join()
    assert now(shop).variant == "default"
    assert findings(shop) == []
    assert set_variant(shop.slug, "customer_a").created == {"customer_a_goods": 4}


@pytest.mark.parametrize("before", ["default", "customer_a", "grocer"])
@pytest.mark.parametrize("after", ["default", "customer_a", "grocer"])
def test_who_is_in_the_midst_of_a_request_finishes_it_as_the_shop_was(
    shop: TenantInfo, before: str, after: str
) -> None:
    set_variant(shop.slug, before)
    as_it_was = now(shop)
    set_variant(shop.slug, after)
    with use_tenant(as_it_was):
        goods, sku = resolve("goods.models.Goods"), resolve("goods.models.Sku")
        assert [len(one.sku_list) for one in goods.objects.with_lists()] == [1] * 4
        with transaction.atomic():
            made = goods.objects.create(name="Late", slug="late")
            sku.objects.create(goods=made, price=Decimal(1), stock=5)
    with use_tenant(now(shop)):
        for name in ("Goods", "Sku"):
            assert resolve(f"goods.models.{name}").objects.count() == 5
    assert findings(shop) == []


def test_who_is_in_the_midst_of_deleting_is_asked_to_come_again(shop: TenantInfo) -> None:
    as_it_was, request = now(shop), RequestFactory().delete("/api/v1/goods/1")
    set_variant(shop.slug, "customer_a")
    with use_tenant(as_it_was), pytest.raises(IntegrityError) as refused:
        Goods.objects.get(slug="goods-0").delete()
    with use_tenant(as_it_was):
        answer = response_to_error(request, refused.value)
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    with use_tenant(now(shop)):
        assert response_to_error(request, refused.value) is None, "who knows of the variant has made a mistake"
        assert Goods.objects.count() == 4


@pytest.mark.parametrize(("first", "second"), [(Goods, Sku), (Sku, Goods)])
@pytest.mark.parametrize("before", ["default", "customer_a"])
def test_no_order_in_which_a_shopper_takes_tables_ends_in_a_deadlock(
    shop: TenantInfo, before: str, first: type[Model], second: type[Model]
) -> None:
    set_variant(shop.slug, before)
    holding = threading.Event()

    def buy() -> None:
        with use_tenant(now(shop)), transaction.atomic():
            touch(first)
            holding.set()
            assert eventually(lambda: waits_for(first)), "the switch is waiting for us"
            touch(second)
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        buyer = pool.submit(buy)
        assert holding.wait(180)
        assert set_variant(shop.slug, "grocer").created == {"grocer_goods": 4, "grocer_sku": 4}
        buyer.result()
    assert findings(shop) == []


def touch(model: type[Model]) -> None:
    field = "name" if model is Goods else "stock"
    model._base_manager.update(**{field: F(field)})


def waits_for(model: type[Model]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [model._meta.db_table])
        return bool(cursor.rowcount)


def test_migrations_of_the_base_reach_a_tenant_with_tables_kept_aside(shop: TenantInfo) -> None:
    set_variant(shop.slug, "customer_a")
    set_variant(shop.slug, "default")
    migrate_tenant(now(shop), chosen_targets("ledger", "0001"))
    _, behind = find_behind(slug=shop.slug)
    assert [tenant.slug for tenant in behind] == [shop.slug]
    assert [outcome.error for outcome in Run(behind, RunOptions())] == [""]
    assert findings(shop) == []


def test_the_command_says_what_became_of_the_rows(shop: TenantInfo, tmp_path: Path, capsys: Any) -> None:
    file = mapping(tmp_path, "slug,category_code\ngoods-0,A-1\n")
    call_command("set_variant", shop.slug, "customer_a", mapping=[f"Goods={file}"])
    call_command("set_variant", shop.slug, "default")
    call_command("set_variant", shop.slug, "default")
    said = capsys.readouterr().out
    assert "customer_a_goods: 4 rows created with defaults" in said
    assert "customer_a_goods: 1 rows imported from the file" in said
    assert "customer_a_goods: 4 rows dormant until the shop gets this variant back" in said
    assert "has the variant default already" in said


# --- A variant whose folder was deleted


@pytest.fixture
def without_variants(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Return what makes the code forget `customer_a`, and what makes it known again."""

    @contextmanager
    def gone() -> Iterator[None]:
        left = {name: variant for name, variant in variants().items() if name != "customer_a"}
        config = apps.get_app_config("customer_a")
        with monkeypatch.context() as patch:
            patch.setattr(discovery, "_variants_in", lambda package: iter(left.values()))
            patch.delitem(apps.app_configs, "customer_a")
            apps.clear_cache()
            for _ in announced():
                yield
            assert config
        apps.clear_cache()
        for _ in announced():
            pass

    def announced() -> Iterator[None]:
        with override_settings(TENANTS={**settings.TENANTS}):
            forget_what_was_read()
            yield
        forget_what_was_read()

    return gone


def test_a_shop_whose_variants_folder_is_gone_gets_the_default_and_it_back(
    shop: TenantInfo, without_variants: Callable[[], Any], tmp_path: Path
) -> None:
    """Fault 18: its rows become dormant, hold none of the base back, and are active again with the folder."""
    file = mapping(tmp_path, "slug,category_code\n" + "".join(f"goods-{n},C-{n}\n" for n in range(4)))
    set_variant(shop.slug, "customer_a", mapping={"": file})
    with without_variants():
        with pytest.raises(UnknownVariant, match="customer_a"):
            set_variant(shop.slug, "customer_a")
        change = set_variant(shop.slug, "default")
        assert (change.before, change.dormant) == ("customer_a", {"customer_a_goods": 4})
        with use_tenant(now(shop)):
            Goods.objects.get(slug="goods-1").delete()
            make_goods(1, first=4)
        assert find_behind(slug=shop.slug)[1] == []
    assert findings(shop) == []
    change = set_variant(shop.slug, "customer_a")
    assert (change.reactivated, change.created) == ({"customer_a_goods": 3}, {"customer_a_goods": 1})
    assert rows_of(now(shop)) == {"goods-0": "C-0", "goods-2": "C-2", "goods-3": "C-3", "goods-4": ""}
    assert findings(shop) == []


def test_a_shop_whose_variants_folder_is_gone_stops_no_other(
    shop: TenantInfo, open_shop: OpenShop, without_variants: Callable[[], Any], tmp_path: Path
) -> None:
    """Fault 18: runs, plans, tables and repairs go on to the others, and say what to do with this one."""
    other = open_shop()
    set_variant(shop.slug, "customer_a")
    slugs = [shop.slug, other.slug]
    with without_variants():
        both = [now(shop), now(other)]
        migrate_tenant(both[1], chosen_targets("ledger", "0003"))
        outcomes = {outcome.tenant.slug: outcome for outcome in Run(both, RunOptions())}
        assert "set_variant SLUG default" in outcomes[shop.slug].error
        assert not outcomes[other.slug].failed
        assert [row.slug for row in status_table(both)] == slugs
        assert any("customer_a" in text for cohort in cohorts(both, None) for text in cohort.due)
        lines = [line for line in reconcile_tenants() if line.startswith(f"{shop.slug}:")]
        assert "set_variant SLUG default" in lines[0]
        assert findings(shop) == [f"{shop.slug}: it has the variant 'customer_a', which this code does not have"]
        assert backup_tenant(shop.slug, tmp_path / "gone.tar").exists()
