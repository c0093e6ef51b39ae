"""A restored shop equals the one in the backup, also elsewhere; a changed file is refused."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client

from shop.customers.models import Customer
from shop.goods.models import Goods, Sku
from shop.orders.models import Order
from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.conf import tenancy
from tenants.errors import InvalidBackup, InvalidName, OperationFailed, TenantExists
from tenants.lifecycle import (
    TenantSpec,
    add_domain,
    backup_tenant,
    create_tenant,
    delete_tenant,
    kept_slug,
    purge_tenant,
    rename_tenant,
    restore_tenant,
    suspend_tenant,
    undelete_tenant,
)
from tenants.lifecycle.backup.archive import open_archive
from tenants.lifecycle.backup.manifest import FORMAT
from tenants.migrator.graph import chosen_targets, target_fingerprint
from tenants.migrator.runner import Run, RunOptions
from tenants.models import AuditEvent, Domain, SchemaState, Tenant
from tenants.postgresql.direct_connection import connect_directly
from tests.ledger.models import Account, Entry
from tests.tenants.lifecycle.contents import contents, files, populate, rows, structure, without_schema
from tests.tenants.lifecycle.test_backup import members

OpenShop = Callable[..., TenantInfo]
Restore = Callable[..., TenantInfo]


@pytest.fixture
def restore(committed: None) -> Iterator[Restore]:
    """Return a function that restores a shop; what it made is taken away after the test."""
    made: list[int] = []

    def restore(*args: Any, **kwargs: Any) -> TenantInfo:
        tenant = restore_tenant(*args, **kwargs)
        made.append(tenant.id)
        return tenant

    yield restore
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk__in=made).update(status=Tenant.Status.DELETED)
        slugs = list(Tenant.objects.filter(pk__in=made).values_list("slug", flat=True))
    for slug in slugs:
        purge_tenant(slug)


@pytest.fixture
def shop(open_shop: OpenShop) -> TenantInfo:
    tenant = open_shop(name="The shop 상점", currency="EUR", language="ko", time_zone="Europe/Berlin")
    populate(tenant)
    return tenant


@pytest.fixture
def backup(shop: TenantInfo, tmp_path: Path) -> Path:
    return backup_tenant(shop.slug, tmp_path / "shop.tar")


_SPARE: list[bytes] = []


@pytest.fixture
def spare(committed: None, tmp_path: Path) -> Path:
    """The backup of a purged shop; created once, since most tests only see it refused."""
    path = tmp_path / "spare.tar"
    if not _SPARE:
        tenant = create_tenant(TenantSpec(slug="spare"))
        populate(tenant)
        _SPARE.append(backup_tenant("spare", path).read_bytes())
        delete_tenant("spare")
        purge_tenant("spare")
    path.write_bytes(_SPARE[0])
    return path


def leftovers() -> tuple[Any, ...]:
    """Return what half a restore would be: rows, schemas, roles, databases, folders."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        found: list[Any] = [list(Tenant.objects.order_by("pk").values_list("pk", "slug", "status"))]
        for query in (
            "SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_' ORDER BY 1",
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, current_database() || '_') ORDER BY 1",
            "SELECT datname FROM pg_database WHERE starts_with(datname, current_database() || '_restore') ORDER BY 1",
        ):
            cursor.execute(query)
            found.append([name for (name,) in cursor])
    return (*found, sorted(Path(settings.MEDIA_ROOT).glob("*")))


def forge(backup: Path, **changes: bytes | None) -> Path:
    """Return a copy of a backup with members replaced, added or left out; only the manifest's checksum is new."""
    found = {**members(backup), **changes}
    manifest = found["manifest.json"] or b""
    found["manifest.json.sha256"] = f"{hashlib.sha256(manifest).hexdigest()}  manifest.json\n".encode()
    path = backup.with_name("forged.tar")
    return write(path, {name: data for name, data in found.items() if data is not None})


def write(path: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def manifest_of(backup: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(members(backup)["manifest.json"])
    return found


def with_manifest(backup: Path, **changes: Any) -> Path:
    """Return a copy of a backup whose manifest says something else."""
    return forge(backup, **{"manifest.json": json.dumps({**manifest_of(backup), **changes}).encode()})


def with_file(backup: Path, name: str, data: bytes) -> Path:
    """Return a copy of a backup with one more file, and all that belongs to it."""
    listed = {**manifest_of(backup)["members"], name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}}
    return forge(with_manifest(backup, members=listed), **{name: data})


# --- As a new tenant


def test_restored_shop_has_everything_of_the_backup(shop: TenantInfo, backup: Path, restore: Restore) -> None:
    before = contents(shop)
    restored = restore(backup, "restored")
    assert contents(restored) == before == contents(shop)
    assert restored.schema != shop.schema
    assert len(files(restored)) == 1
    facts = ("name", "variant", "language", "currency", "time_zone")
    assert [getattr(restored, fact) for fact in facts] == [getattr(shop, fact) for fact in facts]


def test_restored_shop_has_its_role_and_continues_its_sequences(
    shop: TenantInfo, backup: Path, restore: Restore, client_of: Callable[[TenantInfo], Client]
) -> None:
    restored = restore(backup, "restored")
    with use_tenant(shop):
        newest = Goods.objects.create(name="New", slug="new").pk
    with use_tenant(restored):
        assert Goods.objects.create(name="New", slug="new").pk == newest
    page = client_of(restored).get("/")
    assert page.status_code == 200
    assert "Goods 2" in page.content.decode()


def test_the_default_version_of_its_api_comes_along_as_long_as_it_is_served(
    shop: TenantInfo, tmp_path: Path, restore: Restore
) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(api_version="v2")
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert restore(backup, "restored").api_version == "v2"
    facts = manifest_of(backup)["tenant"]
    assert restore(with_manifest(backup, tenant={**facts, "api_version": "v0"}), "of-old-days").api_version == ""
    of_format_1 = {name: value for name, value in facts.items() if name != "api_version"}
    assert restore(with_manifest(backup, format=1, tenant=of_format_1), "older").api_version == ""


def test_required_second_factor_is_restored_and_off_in_older_backups(
    shop: TenantInfo, tmp_path: Path, restore: Restore
) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(staff_second_factor=True)
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert restore(backup, "restored").staff_second_factor
    of_format_2 = {
        name: value for name, value in manifest_of(backup)["tenant"].items() if name != "staff_second_factor"
    }
    assert not restore(with_manifest(backup, format=2, tenant=of_format_2), "older").staff_second_factor


def test_plan_and_limits_come_along_and_an_older_file_has_none(
    shop: TenantInfo, tmp_path: Path, restore: Restore
) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(plan="large", max_rate=7, max_burst=9)
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    limits = restore(backup, "restored").limits
    assert (limits.rate, limits.burst, limits.concurrency) == (7, 9, tenancy().plan("large").concurrency)
    assert restore(with_manifest(backup, format=3, limits={}), "older").limits == tenancy().plan("")
    gone = {**manifest_of(backup)["limits"], "plan": "gone"}
    assert restore(with_manifest(backup, limits=gone), "other").limits.rate == 7


@pytest.mark.parametrize(
    "limits",
    [
        {"max_rate": -1},
        {"max_rate": "many"},
        {"slug": "acme"},
        {"plan": "x" * 64},
        [7],
        "x",
        {"plan": []},
        {"max_rate": ""},
    ],
)
def test_limits_that_are_none_are_refused(backup: Path, limits: object) -> None:
    with pytest.raises(InvalidBackup):
        restore_tenant(with_manifest(backup, limits=limits), "restored")


@pytest.mark.parametrize(
    "changes",
    [
        {"made_at": 7},
        {"schema": None},
        {"heads": "goods.0001"},
        {"heads": [1]},
        {"rows": {"goods_goods": "many"}},
        {"rows": []},
        {"domains": {"mine.example": "yes"}},
        {"domains": ["mine.example"]},
        {"members": {"dump": {"size": "1", "sha256": 2}}},
        {"tenant": {"slug": 1}},
        {"tenant": []},
        {"versions": {"postgresql": "18", "pg_dump": None, "django": 5}},
        {"fingerprint": {}},
        {"made_at": "\0"},
        {"made_at": "\ud800"},
    ],
)
def test_a_manifest_of_odd_types_is_refused_as_damaged(backup: Path, changes: dict[str, Any]) -> None:
    """Fault 32: a manifest with a number in the place of a text was a TypeError."""
    with pytest.raises(InvalidBackup, match="its manifest cannot be read"):
        restore_tenant(with_manifest(backup, **changes), "restored")


def test_restored_shop_has_no_sessions(backup: Path, restore: Restore) -> None:
    with use_tenant(restore(backup, "restored")):
        assert not Session.objects.exists()


def test_purged_shop_is_restored_with_its_slug_and_free_domains(
    shop: TenantInfo, open_shop: OpenShop, tmp_path: Path, restore: Restore
) -> None:
    add_domain(shop.slug, "mine.example", primary=True)
    add_domain(shop.slug, "sold.example")
    before = contents(shop)
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    delete_tenant(shop.slug)
    purge_tenant(shop.slug)
    add_domain(open_shop().slug, "sold.example")
    restored = restore(backup)
    assert contents(restored) == before
    assert (restored.slug, restored.host) == (shop.slug, "mine.example")
    with use_tenant(PLATFORM):
        assert [domain.host for domain in Domain.objects.filter(tenant=restored.id)] == ["mine.example"]
        assert AuditEvent.objects.get(action="restore", tenant_id=restored.id).detail["domains_left"] == [
            "sold.example"
        ]


def test_older_data_are_migrated_to_where_the_code_is(shop: TenantInfo, tmp_path: Path, restore: Restore) -> None:
    expected = structure(shop)
    list(Run([shop], RunOptions(targets=tuple(chosen_targets("ledger", "0001")))))
    with use_tenant(shop), connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_account (name) VALUES ('cash')")
        cursor.execute("INSERT INTO ledger_entry (account_id, text, amount) SELECT id, 'x', 1 FROM ledger_account")
    restored = restore(backup_tenant(shop.slug, tmp_path / "old.tar"), "restored")
    assert structure(restored) == expected != structure(shop)
    with use_tenant(restored):
        assert Entry.objects.get().code.endswith(f"-{Entry.objects.get().pk}")
    with use_tenant(PLATFORM):
        assert SchemaState.objects.get(tenant=restored.id).fingerprint == target_fingerprint("default")


def test_data_that_the_migrations_cannot_take_leave_everything_as_it_was(shop: TenantInfo, tmp_path: Path) -> None:
    list(Run([shop], RunOptions(targets=tuple(chosen_targets("ledger", "0003")))))
    with use_tenant(shop):
        account = Account.objects.create(name="cash")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger_entry (account_id, text, amount, code) SELECT %s, 'x', 1, '' FROM "
                "generate_series(1, 2)",
                [account.pk],
            )
    backup = backup_tenant(shop.slug, tmp_path / "old.tar")
    before = leftovers()
    with pytest.raises(OperationFailed, match="entry_once"):
        restore_tenant(backup, "restored")
    assert leftovers() == before


def test_a_slug_that_is_taken_or_cannot_be_is_refused(shop: TenantInfo, backup: Path) -> None:
    before = leftovers()
    with pytest.raises(TenantExists):
        restore_tenant(backup)
    with pytest.raises(InvalidName):
        restore_tenant(backup, "admin")
    with pytest.raises(TenantNotFound):
        restore_tenant(backup, "never-was", over=True)
    assert leftovers() == before


# --- Over the old one


def test_a_shop_is_put_back_over_itself_and_what_was_there_is_kept(
    shop: TenantInfo, tmp_path: Path, restore: Restore, client_of: Callable[[TenantInfo], Client]
) -> None:
    before = contents(shop)
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    add_domain(shop.slug, "since-then.example", primary=True)
    with use_tenant(shop):
        Customer.objects.create(name="Came later", email="later@example.com")
        default_storage.delete("goods/picture 그림.png")
    spoilt = contents(shop)

    restored = restore(backup, shop.slug, over=True)

    assert contents(restored) == before
    assert (restored.slug, restored.host) == (shop.slug, "since-then.example")
    assert client_of(restored).get("/").status_code == 200
    kept = kept_slug(shop.slug, restored)
    assert contents(shop) == spoilt
    back = undelete_tenant(kept)
    assert (back.id, back.slug) == (shop.id, kept)
    with use_tenant(back):
        assert Customer.objects.filter(name="Came later").exists()
    with use_tenant(PLATFORM):
        told = AuditEvent.objects.filter(action__in=["restore", "delete"], tenant_id__in=[shop.id, restored.id])
        assert {event.action: event.detail.get("kept", event.detail.get("replaced_by")) for event in told} == {
            "restore": kept,
            "delete": restored.schema,
        }


def test_an_order_that_is_sent_again_after_a_restore_is_not_placed_twice(
    shop: TenantInfo, tmp_path: Path, restore: Restore, client_of: Callable[[TenantInfo], Client]
) -> None:
    with use_tenant(shop):
        sku = Sku.objects.filter(stock__gt=1)[0].pk
    asked = {"customer": {"email": "a@b.example", "name": "A"}, "ship_to": "A", "lines": [{"sku": sku, "quantity": 1}]}

    def order(tenant: TenantInfo) -> Any:
        sent = {"Idempotency-Key": "k-1"}
        return client_of(tenant).post("/api/v2/orders", asked, content_type="application/json", headers=sent)

    number = order(shop).json()["number"]
    restored = restore(backup_tenant(shop.slug, tmp_path / "shop.tar"), shop.slug, over=True)
    again = order(restored)
    assert (again.json()["number"], again.headers["Idempotent-Replayed"]) == (number, "true")
    with use_tenant(restored):
        assert Order.objects.count() == 2  # with the order that the shop has


def test_a_suspended_shop_stays_suspended_when_it_is_put_back(shop: TenantInfo, backup: Path, restore: Restore) -> None:
    suspended = suspend_tenant(shop.slug, "Back on Monday")
    restored = restore(backup, shop.slug, over=True)
    assert (restored.status, restored.notice, restored.bypass) == ("suspended", "Back on Monday", suspended.bypass)


def test_operators_limits_stay_after_a_restore(shop: TenantInfo, backup: Path, restore: Restore) -> None:
    terms: dict[str, Any] = {"staff_second_factor": True, "plan": "large", "max_rate": 7, "max_burst": 9}
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(**terms)
    restored = restore(backup, shop.slug, over=True)
    with use_tenant(PLATFORM):
        assert Tenant.objects.values(*terms).get(pk=restored.id) == terms
    assert (restored.staff_second_factor, restored.limits.rate) == (True, 7)


def test_the_slug_of_what_is_kept_fits_however_long_it_was(shop: TenantInfo) -> None:
    assert kept_slug("a" * 63, shop) == f"{'a' * (63 - len(f'-before-{shop.id}'))}-before-{shop.id}"


def test_a_restore_over_that_fails_changes_nothing(
    shop: TenantInfo, backup: Path, client_of: Callable[[TenantInfo], Client]
) -> None:
    before, inside = leftovers(), contents(shop)

    def stop(done: int, total: int) -> None:
        if len(list(Path(settings.MEDIA_ROOT).glob("*"))) > len(before[-1]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_tenant(with_file(backup, "media/zz.png", b"x"), shop.slug, over=True, progress=stop)
    assert (leftovers(), contents(shop)) == (before, inside)
    assert client_of(shop).get("/").status_code == 200


# --- Odd structures


def test_all_kinds_of_objects_are_restored_under_a_new_schema(
    shop: TenantInfo, tmp_path: Path, restore: Restore
) -> None:
    with use_tenant(shop.as_owner()), connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE TYPE mood AS ENUM ('t_x.sad', '{shop.schema}.ok');
            CREATE DOMAIN small AS int CHECK (VALUE < 10);
            CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * x';
            CREATE TABLE "Odd ""table (x" (
                id bigint GENERATED ALWAYS AS IDENTITY,
                "na me" text DEFAULT '{shop.schema}.x',
                m mood DEFAULT '{shop.schema}.ok',
                n small,
                d int GENERATED ALWAYS AS (twice(n)) STORED
            );
            CREATE TABLE nothing ();
            CREATE TABLE parts (at date, n int) PARTITION BY RANGE (at);
            CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
            CREATE INDEX odd_index ON "Odd ""table (x" (twice(n)) WHERE "na me" <> '{shop.schema}.y';
            CREATE VIEW seen AS SELECT "na me" FROM "Odd ""table (x";
            CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM "Odd ""table (x";
            COMMENT ON TABLE nothing IS 'not {shop.schema}. ; COPY {shop.schema}.x (a) FROM stdin;';
            INSERT INTO "Odd ""table (x" (n) VALUES (1), (2);
            INSERT INTO parts VALUES ('2026-05-05', 5);
            REFRESH MATERIALIZED VIEW counted;
            """
        )
    before = (rows(shop), structure(shop))
    restored = restore(backup_tenant(shop.slug, tmp_path / "shop.tar"), "restored")
    assert rows(restored) == before[0]
    with use_tenant(restored.as_owner()), connection.cursor() as cursor:
        cursor.execute("SELECT n FROM counted")
        assert cursor.fetchone() == (2,)
        cursor.execute('INSERT INTO "Odd ""table (x" (n) VALUES (3) RETURNING id, "na me", d')
        assert cursor.fetchone() == (3, f"{shop.schema}.x", 6)
    # Text that looks like the schema's name stays as it is; the helper takes the names out of both alike.
    assert without_schema(structure(restored), shop.schema) == before[1]


# --- Files that are refused


def test_a_file_that_is_foreign_or_not_there_is_refused(tmp_path: Path, committed: None) -> None:
    before = leftovers()
    for name, data in {
        "empty.tar": b"",
        "text.tar": b"no tar at all\n" * 200,
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidBackup, match=name):
            restore_tenant(tmp_path / name, "restored")
    foreign = write(tmp_path / "foreign.tar", {"manifest.json": b'{"name": "x"}', "schema.dump": b"", "media/a": b""})
    with pytest.raises(InvalidBackup):
        restore_tenant(foreign, "restored")
    for path in (tmp_path / "nowhere.tar", tmp_path):
        with pytest.raises(InvalidBackup):
            restore_tenant(path, "restored")
    assert leftovers() == before


@pytest.mark.parametrize("cut", [0.001, 0.2, 0.6, 0.9, 0.99])
def test_a_file_that_is_cut_anywhere_is_refused(spare: Path, cut: float) -> None:
    size = spare.stat().st_size
    with spare.open("r+b") as file:
        file.truncate(int(size * cut))
    with pytest.raises(InvalidBackup, match=str(spare)):
        restore_tenant(spare, "restored")


def test_any_bit_that_is_other_than_it_was_is_noticed_or_means_nothing(spare: Path) -> None:
    whole, found = spare.read_bytes(), members(spare)
    chance = random.Random(0)
    noticed = 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        spare.write_bytes(damaged)
        try:
            with open_archive(spare) as archive:
                archive.verify(lambda done, total: None)
        except InvalidBackup:
            noticed += 1
        else:
            assert members(spare) == found, "it was in what fills a tar up"
    assert noticed > 250


@pytest.mark.parametrize(
    "name",
    [
        "../out.txt",
        "/etc/out.txt",
        "media/../../out.txt",
        "media//out.txt",
        "media/./out.txt",
        "media/..",
        "media/",
        "x",
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(spare: Path, name: str) -> None:
    path = with_file(spare, name, b"payload")
    with pytest.raises(InvalidBackup, match="does not belong"):
        restore_tenant(path, "restored")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE])
def test_links_folders_and_devices_are_refused(spare: Path, kind: bytes) -> None:
    with tarfile.open(spare, "a") as tar:
        info = tarfile.TarInfo("media/link")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(InvalidBackup, match="does not belong"):
        restore_tenant(spare, "restored")


def test_a_file_that_was_added_or_taken_away_is_noticed(spare: Path) -> None:
    picture = next(name for name in members(spare) if name.startswith("media/"))
    for path in (forge(spare, **{"media/more.txt": b"x"}), forge(spare, **{picture: None})):
        with pytest.raises(InvalidBackup, match="manifest"):
            restore_tenant(path, "restored")


def test_what_comes_from_newer_code_is_refused_by_name(spare: Path) -> None:
    with pytest.raises(InvalidBackup, match="Update Sangga"):
        restore_tenant(with_manifest(spare, format=FORMAT + 1), "restored")
    with pytest.raises(InvalidBackup, match=r"goods\.0099_future"):
        restore_tenant(with_manifest(spare, heads=["auth.0001_initial", "goods.0099_future"]), "restored")
    facts = manifest_of(spare)["tenant"]
    with pytest.raises(InvalidBackup, match="'xx' is not a valid language"):
        restore_tenant(with_manifest(spare, tenant={**facts, "language": "xx"}), "restored")
    with pytest.raises(InvalidBackup, match="customer_z"):
        restore_tenant(with_manifest(spare, tenant={**facts, "variant": "customer_z"}), "restored")


def test_rows_that_the_manifest_does_not_know_of_are_refused(spare: Path) -> None:
    before = leftovers()
    counted = manifest_of(spare)["rows"]
    with pytest.raises(InvalidBackup, match="goods_goods"):
        restore_tenant(with_manifest(spare, rows={**counted, "goods_goods": 99}), "restored")
    assert leftovers() == before


# --- What is left over, and the command


def test_a_database_that_a_killed_restore_left_is_dropped_by_the_next(backup: Path, restore: Restore) -> None:
    with connect_directly() as server:
        (database,) = server.execute("SELECT current_database()").fetchone() or ("",)
        mine = f"{database}_restore_{server.info.backend_pid}"
        dead, foreign = f"{database}_restore_99999999", f"{database}_restored_by_hand"
        for name in (mine, dead, foreign):
            server.execute(f'CREATE DATABASE "{name}"')
        try:
            restore(backup, "restored")
            left = server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{database}_r"])
            assert {name for (name,) in left} == {mine, foreign}
        finally:
            for name in (mine, dead, foreign):
                server.execute(f'DROP DATABASE IF EXISTS "{name}"')


def test_settings_of_the_dump_stay_in_no_session(backup: Path, restore: Restore, sql_row: Callable[..., Any]) -> None:
    with use_tenant(PLATFORM):
        ask = "SELECT current_setting('search_path'), current_setting('check_function_bodies'), pg_backend_pid()"
        before = sql_row(ask)
    restore(backup, "restored")
    with use_tenant(PLATFORM):
        assert sql_row(ask) == before


def test_the_command_restores_as_new_and_over(
    shop: TenantInfo, backup: Path, restore: Restore, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.tar"):
        call_command("restore_tenant", "nowhere.tar")
    call_command("restore_tenant", str(backup), "--over", shop.slug)
    told = capsys.readouterr().out
    assert f"http://{shop.slug}.localhost" in told
    with use_tenant(PLATFORM):
        Tenant.objects.filter(slug=shop.slug).update(status=Tenant.Status.DELETED)
    purge_tenant(shop.slug)
    kept = next(word for word in told.split() if word.startswith(f"{shop.slug}-before-"))
    assert rename_tenant(undelete_tenant(kept).slug, shop.slug).id == shop.id


def test_a_copy_of_the_file_is_as_good_wherever_it_lies(backup: Path, tmp_path: Path, restore: Restore) -> None:
    moved = tmp_path / "elsewhere with a space" / "백업.tar"
    moved.parent.mkdir()
    shutil.move(backup, moved)
    assert restore(str(moved), "restored").slug == "restored"
