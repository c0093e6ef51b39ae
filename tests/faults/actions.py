"""Actions on a tenant under faults: preparation, action and undoing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from shop.goods.importer import import_goods
from shop.goods.models import Goods, Sku
from shop.orders.models import Order
from shop.orders.services import CustomerDetails, place_order
from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle import (
    TenantSpec,
    backup_tenant,
    clone_tenant,
    create_tenant,
    delete_tenant,
    purge_tenant,
    rename_tenant,
    restore_tenant,
    set_variant,
)
from tenants.lifecycle.adoption.addresses import Naming
from tenants.lifecycle.adoption.adopt import adopt_schema
from tenants.lifecycle.adoption.sources import Candidate
from tenants.lifecycle.adoption.survey import PublicApps, survey
from tenants.migrator import apply
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions, migrate_one
from tenants.models import Tenant
from tenants.postgresql import tenant_schemas as schemas
from tenants.registry.lookup import registry, tenant_by_slug
from tenants.registry.tenant_info import all_tenants

CSV = b"Handle,Title,Variant Price,Variant Inventory Qty\n" + b"".join(
    b"row-%d,Row %d,5.00,1\n" % (n, n) for n in range(5)
)


class Failed(Exception):
    """An error that the outcome of a run contains instead of raising it."""


@dataclass(kw_only=True)
class Stage:
    """The tenants of an action, which no other test changes."""

    shops: list[TenantInfo]
    folder: Path
    made: list[str] = field(default_factory=list)

    @property
    def shop(self) -> TenantInfo:
        return self.shops[0]

    @property
    def file(self) -> Path:
        return self.folder / "shop.tar"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing that is done."""

    name: str
    do: Callable[[Stage], object]
    ready: Callable[[Stage], object] = lambda stage: None
    """Returns the tenants to the old state from any state."""
    is_done: Callable[[Stage], object] | None = None
    """What else distinguishes old from new, besides the portrait."""
    between: Callable[[Any], bool] = lambda portrait: False
    """Tells whether a state is neither old nor new but marked as such, and completed by repeating the action."""


def to(migration: str) -> RunOptions:
    return RunOptions(targets=tuple(chosen_targets("ledger", migration)), jobs=1, lock_timeout=5)


def migrate(migration: str, number: int) -> Callable[[Stage], None]:
    def do(stage: Stage) -> None:
        errors = [outcome.error for outcome in Run(stage.shops[:number], to(migration)) if outcome.failed]
        if errors:
            raise Failed(" | ".join(errors))

    return do


def migrate_by_django(migration: str) -> Callable[[Stage], None]:
    """Return a function that migrates a tenant on this thread with Django's executor, as for the first of a cohort."""

    def do(stage: Stage) -> None:
        apply._scripts.clear()
        apply._latest.clear()
        outcome = migrate_one(stage.shop, to(migration))
        if outcome.failed:
            raise Failed(outcome.error)

    return do


def _take_away(slug: str) -> None:
    with use_tenant(PLATFORM):
        there = list(Tenant.objects.filter(slug=slug).values_list("status", flat=True))
    for status in there:
        if status == Tenant.Status.ACTIVE:
            delete_tenant(slug)
        purge_tenant(slug)


def without(*slugs: str) -> Callable[[Stage], None]:
    def ready(stage: Stage) -> None:
        registry.clear()
        for slug in slugs:
            _take_away(slug)
        _drop_old_schema()

    return ready


def _create(stage: Stage) -> None:
    create_tenant(TenantSpec(slug="fault-new", owner_email="owner@new.example"))


def _back_up(stage: Stage) -> None:
    backup_tenant(stage.shop.slug, stage.file)


def _with_backup(stage: Stage) -> None:
    without("fault-new")(stage)
    if not stage.file.exists():
        _back_up(stage)


def _rename_back(stage: Stage) -> None:
    registry.clear()
    with use_tenant(PLATFORM):
        if Tenant.objects.filter(slug="fault-renamed").exists():
            rename_tenant("fault-renamed", stage.shop.slug)


def _to_purge(stage: Stage) -> None:
    without("fault-new")(stage)
    _create(stage)
    delete_tenant("fault-new")


def _default_again(stage: Stage) -> None:
    registry.clear()
    if tenant_by_slug(stage.shop.slug).variant != "default":
        set_variant(stage.shop.slug, "default")


def _without_goods(stage: Stage) -> None:
    with use_tenant(stage.shop):
        Goods.objects.filter(slug__startswith="row-").delete()


def _import(stage: Stage) -> None:
    with use_tenant(stage.shop):
        import_goods(BytesIO(CSV))


def _with_stock(stage: Stage) -> None:
    with use_tenant(stage.shop), transaction.atomic():
        Order.objects.all().delete()
        goods, _ = Goods.objects.get_or_create(slug="mug", defaults={"name": "Mug"})
        Sku.objects.update_or_create(goods=goods, defaults={"price": 5, "stock": 9})


def _check_out(stage: Stage) -> None:
    with use_tenant(stage.shop):
        sku = Sku.objects.get(goods__slug="mug")
        place_order(CustomerDetails(email="kim@shop.example", name="Kim"), {sku.pk: 2}, "12 Alder Street")


def _stock_left(stage: Stage) -> Any:
    with use_tenant(stage.shop), connection.cursor() as cursor:
        cursor.execute("SELECT sum(stock) FROM goods_sku")
        return cursor.fetchone()


OLD = "fault_old"
"""The schema to adopt: another library's, or a hand-made one."""


def _has_old_schema(stage: Stage) -> bool:
    with use_tenant(PLATFORM):
        return bool(schemas.existing_schemas([OLD]))


def _with_old_schema(stage: Stage) -> None:
    """Turn a tenant back into a schema without row and role, as before its adoption."""
    registry.clear()
    if _has_old_schema(stage):
        return
    with use_tenant(PLATFORM):
        found = all_tenants(slug="fault-new")
        tenant = found[0] if found else create_tenant(TenantSpec(slug="fault-new", owner_email="owner@new.example"))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"ALTER SCHEMA {tenant.schema} RENAME TO {OLD}")
            cursor.execute(f"DROP OWNED BY {tenant.role}; DROP ROLE {tenant.role}")
            Tenant.objects.filter(pk=tenant.id).delete()


def _adopt(stage: Stage) -> None:
    folder = stage.folder / "old files"
    folder.mkdir(exist_ok=True)
    (folder / "mug.txt").write_text("mug")
    naming = Naming(from_domain=False, given={OLD: "fault-new"})
    found = survey([Candidate(schema=OLD)], naming, PublicApps())
    if found.refusals:
        raise AssertionError(found.refusals)
    for planned in found.planned:
        adopt_schema(planned, found, TenantSpec(slug=""), folder)


def _drop_old_schema() -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {OLD} CASCADE")


def actions() -> Iterable[Action]:
    """Return all of them."""
    yield Action(name="create", ready=without("fault-new"), do=_create)
    yield Action(name="clone", ready=without("fault-new"), do=lambda stage: clone_tenant(stage.shop.slug, "fault-new"))
    yield Action(
        name="backup",
        ready=lambda stage: stage.file.unlink(missing_ok=True),
        do=_back_up,
        is_done=lambda stage: stage.file.exists(),
    )
    yield Action(name="restore", ready=_with_backup, do=lambda stage: restore_tenant(stage.file, "fault-new"))
    yield Action(
        name="purge",
        ready=_to_purge,
        do=lambda stage: purge_tenant("fault-new"),
        between=lambda portrait: portrait[1][1] == "purging",
    )
    yield Action(name="rename", ready=_rename_back, do=lambda stage: rename_tenant(stage.shop.slug, "fault-renamed"))
    yield Action(name="set_variant", ready=_default_again, do=lambda stage: set_variant(stage.shop.slug, "customer_a"))
    yield Action(name="migrate alone", ready=migrate("0001", 1), do=migrate("0002", 1))
    yield Action(name="migrate together", ready=migrate("0001", 3), do=migrate("0002", 3))
    yield Action(name="migrate with Python", ready=migrate("0002", 1), do=migrate("0003", 1))
    yield Action(name="migrate with deferred SQL", ready=migrate("zero", 1), do=migrate_by_django("0001"))
    yield Action(
        name="migrate without a transaction",
        ready=migrate("0004", 1),
        do=migrate("0005", 1),
        between=lambda portrait: portrait[1][3] == "",
    )
    yield Action(name="adopt", ready=_with_old_schema, do=_adopt, is_done=_has_old_schema)
    yield Action(name="import", ready=_without_goods, do=_import)
    yield Action(name="check out", ready=_with_stock, do=_check_out, is_done=_stock_left)
