"""A backup is one complete file with a snapshot of a shop, readable only by its owner."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.contrib.devserver.binaries import find_bindir
from tenants.errors import OperationFailed, ProgramFailed, TenantLocked
from tenants.lifecycle import add_domain, backup_tenant, delete_tenant, suspend_tenant
from tenants.lifecycle.backup import pg_programs as programs
from tenants.migrator.apply import migrate_tenant
from tenants.migrator.graph import chosen_targets, target_fingerprint
from tenants.models import AuditEvent
from tests.tenants.lifecycle.contents import files, populate

OpenShop = Callable[..., TenantInfo]


@pytest.fixture
def shop(open_shop: OpenShop) -> TenantInfo:
    tenant = open_shop(currency="EUR", language="ko", time_zone="Europe/Berlin")
    populate(tenant)
    return tenant


def members(path: Path) -> dict[str, bytes]:
    """Return what is in a backup, as any `tar` sees it."""
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]


def test_a_backup_holds_the_dump_the_files_and_a_manifest_that_is_true(shop: TenantInfo, tmp_path: Path) -> None:
    add_domain(shop.slug, "backed-up.example", primary=True)
    path = backup_tenant(shop.slug, tmp_path / "shop.tar")
    found = members(path)
    assert {name.removeprefix("media/"): data for name, data in found.items() if name.startswith("media/")} == files(
        shop
    )
    text = found.pop("manifest.json")
    assert found.pop("manifest.json.sha256") == f"{hashlib.sha256(text).hexdigest()}  manifest.json\n".encode()
    manifest = json.loads(text)
    assert manifest["format"] == 5
    assert manifest["tenant"] == {
        "slug": shop.slug,
        "name": shop.name,
        "variant": "default",
        "language": "ko",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "api_version": "",
        "staff_second_factor": False,
    }
    assert manifest["domains"] == {"backed-up.example": True}
    assert (manifest["schema"], manifest["fingerprint"]) == (shop.schema, target_fingerprint("default"))
    assert {"ledger.0005_entry_by_amount", "goods.0002_imports"} <= set(manifest["heads"])
    assert (manifest["rows"]["goods_goods"], manifest["rows"]["goods_sku"]) == (3, 3)
    assert manifest["members"] == {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in found.items()
    }


def test_the_dump_is_one_that_pg_restore_reads(shop: TenantInfo, tmp_path: Path) -> None:
    path = backup_tenant(shop.slug, tmp_path / "shop.tar")
    (tmp_path / "schema.dump").write_bytes(members(path)["schema.dump"])
    listing = subprocess.run(
        [find_bindir() / "pg_restore", "--list", tmp_path / "schema.dump"], check=True, capture_output=True, text=True
    ).stdout
    assert f"TABLE DATA {shop.schema} goods_goods" in listing
    assert "ACL" not in listing


def test_backup_has_no_sessions_or_tokens(shop: TenantInfo, tmp_path: Path) -> None:
    with use_tenant(shop):
        key = Session.objects.get().session_key
    found = members(backup_tenant(shop.slug, tmp_path / "shop.tar"))
    assert json.loads(found["manifest.json"])["rows"]["django_session"] == 0
    (tmp_path / "schema.dump").write_bytes(found["schema.dump"])
    text = subprocess.run(
        [find_bindir() / "pg_restore", "-f", "-", tmp_path / "schema.dump"], check=True, capture_output=True, text=True
    ).stdout
    assert "goods-1" in text
    assert key not in text


def test_backup_is_readable_by_its_owner_only(shop: TenantInfo, tmp_path: Path) -> None:
    path = backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_suspended_shop_can_be_backed_up_and_a_deleted_one_not(shop: TenantInfo, tmp_path: Path) -> None:
    suspend_tenant(shop.slug)
    assert backup_tenant(shop.slug, tmp_path / "shop.tar").exists()
    delete_tenant(shop.slug)
    with pytest.raises(TenantNotFound):
        backup_tenant(shop.slug, tmp_path / "late.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop.tar"]


def test_rows_that_come_meanwhile_are_all_in_it_or_none(shop: TenantInfo, tmp_path: Path) -> None:
    begun, end = Event(), Event()

    def buy() -> None:
        with use_tenant(shop):
            while not end.is_set():
                with connection.cursor() as cursor:
                    cursor.execute(
                        "INSERT INTO ledger_account (name) VALUES ('x'); "
                        "INSERT INTO goods_category (name, slug, position) VALUES ('x', gen_random_uuid()::text, 0)"
                    )
                begun.set()
        connection.close()

    buyer = Thread(target=buy)
    buyer.start()
    try:
        assert begun.wait(180)
        found = members(backup_tenant(shop.slug, tmp_path / "shop.tar"))
    finally:
        end.set()
        buyer.join()
    rows = json.loads(found["manifest.json"])["rows"]
    assert rows["ledger_account"] == rows["goods_category"] > 0
    (tmp_path / "schema.dump").write_bytes(found["schema.dump"])
    text = subprocess.run(
        [find_bindir() / "pg_restore", "--data-only", "-t", "goods_category", "-f", "-", tmp_path / "schema.dump"],
        check=True,
        capture_output=True,
    ).stdout
    assert text.count(b"\tx\t") == rows["goods_category"]


def test_a_shop_is_not_migrated_while_it_is_backed_up(shop: TenantInfo, tmp_path: Path) -> None:
    refused: list[str] = []

    def migrate_meanwhile(done: int, total: int) -> None:
        with pytest.raises(TenantLocked) as caught:
            migrate_tenant(shop, chosen_targets("ledger", "0004"))
        refused.append(caught.value.slug)

    backup_tenant(shop.slug, tmp_path / "shop.tar", progress=migrate_meanwhile)
    assert refused == [shop.slug]


def test_a_backup_that_stops_leaves_the_one_before_it(shop: TenantInfo, tmp_path: Path) -> None:
    path = tmp_path / "shop.tar"
    path.write_text("the backup of yesterday")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup_tenant(shop.slug, path, progress=stop)
    assert [found.name for found in tmp_path.iterdir()] == ["shop.tar"]
    assert path.read_text() == "the backup of yesterday"
    backup_tenant(shop.slug, path)
    assert tarfile.is_tarfile(path)


def test_what_a_killed_backup_left_is_taken_over_by_the_next(shop: TenantInfo, tmp_path: Path) -> None:
    part = tmp_path / "shop.tar.part"
    part.write_bytes(b"half a backup" * 1_000_000)
    backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert [found.name for found in tmp_path.iterdir()] == ["shop.tar"]
    assert "manifest.json" in members(tmp_path / "shop.tar")


def test_two_backups_to_one_file_do_not_mix(shop: TenantInfo, tmp_path: Path) -> None:
    with (tmp_path / "shop.tar.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TenantLocked):
            backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert not (tmp_path / "shop.tar").exists()


def test_a_big_file_and_a_long_name_are_as_they_were(shop: TenantInfo, tmp_path: Path) -> None:
    long_name = f"{'folder/' * 20}{'n' * 80}한.bin"
    data = os.urandom(3 << 20)
    with use_tenant(shop):
        default_storage.save(long_name, ContentFile(data))
    assert members(backup_tenant(shop.slug, tmp_path / "shop.tar"))[f"media/{long_name}"] == data


def test_a_folder_that_is_not_there_is_named(shop: TenantInfo, tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="nowhere"):
        backup_tenant(shop.slug, tmp_path / "nowhere" / "shop.tar")


def test_a_pg_dump_that_is_too_old_is_refused(
    shop: TenantInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in (("postgres", "14.0"), ("pg_dump", "14.0")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    with pytest.raises(ProgramFailed, match="is version 14"):
        backup_tenant(shop.slug, tmp_path / "shop.tar")


def test_what_pg_dump_says_of_its_failure_is_told(
    shop: TenantInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99.0' && exit\n"
        "echo half; echo 'the disk is on fire' >&2; exit 3\n"
    )
    program.chmod(0o755)
    (tmp_path / "postgres").touch()
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    with pytest.raises(ProgramFailed, match="ended with 3: the disk is on fire"):
        backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert not list(tmp_path.glob("shop.tar*"))


def test_a_password_is_no_argument_of_any_program() -> None:
    params: dict[str, Any] = {"host": "db", "port": "5433", "user": "u", "password": "secret", "sslmode": "require"}
    assert programs.environment({**params, "dbname": "d", "cursor_factory": object, "options": None}) == {
        "PGHOST": "db",
        "PGPORT": "5433",
        "PGUSER": "u",
        "PGPASSWORD": "secret",
        "PGSSLMODE": "require",
        "PGDATABASE": "d",
    }


def test_it_is_written_down_and_the_command_says_where_it_is(
    shop: TenantInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shop.tar"
    call_command("backup_tenant", shop.slug, str(path))
    assert str(path) in capsys.readouterr().out
    with use_tenant(PLATFORM):
        event = AuditEvent.objects.get(action="backup", tenant_id=shop.id)
        assert event.detail == {"file": str(path), "bytes": path.stat().st_size}
        assert event.actor.startswith("command line")
    with pytest.raises(CommandError, match="Unknown tenant"):
        call_command("backup_tenant", "never-was", str(path))
