"""Files: each tenant has a folder, and no name or link leads out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client, override_settings
from django.urls import get_script_prefix, set_script_prefix

from tenants import NoActiveTenant, TenantInfo, use_tenant
from tenants.isolation.storage import TenantFileSystemStorage

A = TenantInfo(id=1, slug="a", schema="t_1")
B = TenantInfo(id=11, slug="b", schema="t_11")


@pytest.fixture
def media(tmp_path: Path) -> Iterator[Path]:
    with override_settings(MEDIA_ROOT=tmp_path):
        for tenant, text in ((A, b"of a"), (B, b"of b")):
            with use_tenant(tenant):
                assert default_storage.save("note.txt", ContentFile(text)) == "note.txt"
        yield tmp_path


def contents(name: str) -> bytes:
    with default_storage.open(name) as file:
        return bytes(file.read())


def test_tenants_have_separate_folders(media: Path) -> None:
    assert (media / "t_1" / "note.txt").read_bytes() == b"of a"
    assert (media / "t_11" / "note.txt").read_bytes() == b"of b"
    with use_tenant(B):
        assert contents("note.txt") == b"of b"
        default_storage.delete("note.txt")
    with use_tenant(A):
        assert default_storage.exists("note.txt")


@pytest.mark.parametrize(
    "name",
    [
        "../t_11/note.txt",
        "x/../../t_11/note.txt",
        "../t_1x/note.txt",
        "../t_11",
        "..",
        "/etc/passwd",
        "{root}/t_11/note.txt",
        "link/note.txt",
        "link",
        "file-link.txt",
        "dangling/new.txt",
    ],
)
def test_no_name_leaves_the_tenants_folder(media: Path, name: str) -> None:
    own = media / "t_1"
    (own / "link").symlink_to(media / "t_11")
    (own / "file-link.txt").symlink_to("../t_11/note.txt")
    (own / "dangling").symlink_to(media / "t_12")
    name = name.format(root=media)
    with use_tenant(A):
        for act in (
            default_storage.open,
            default_storage.exists,
            default_storage.delete,
            default_storage.size,
            default_storage.listdir,
            lambda name: default_storage.save(name, ContentFile(b"of a")),
        ):
            with pytest.raises(SuspiciousFileOperation):
                act(name)
    assert (media / "t_11" / "note.txt").read_bytes() == b"of b"
    assert not (media / "t_12").exists()


def test_symlinks_inside_the_folder_and_as_media_root_are_allowed(media: Path, tmp_path: Path) -> None:
    (media / "t_1" / "same.txt").symlink_to("note.txt")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to(media)
    with override_settings(MEDIA_ROOT=elsewhere), use_tenant(A):
        assert contents("same.txt") == b"of a"


def test_without_a_tenant_there_are_no_files(media: Path) -> None:
    with pytest.raises(NoActiveTenant):
        default_storage.open("note.txt")
    with pytest.raises(NoActiveTenant):
        default_storage.save("x.txt", ContentFile(b""))


def test_one_storage_serves_two_threads(media: Path) -> None:
    storage = TenantFileSystemStorage()

    def read(tenant: TenantInfo) -> bytes:
        with use_tenant(tenant):
            with storage.open("note.txt") as file:
                return bytes(file.read())

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(read, [A] * 20)) | set(pool.map(read, [B] * 20)) == {b"of a", b"of b"}


def test_addresses_of_files_follow_the_script_prefix() -> None:
    before = get_script_prefix()
    with use_tenant(A):
        assert default_storage.url("a b.png") == "/media/a%20b.png"
        set_script_prefix("/t/a/")
        try:
            assert default_storage.url("x.png") == "/t/a/media/x.png"
        finally:
            set_script_prefix(before)


@pytest.mark.parametrize(
    "name",
    [
        "../{other}/secret.txt",
        "%2e%2e/{other}/secret.txt",
        "..%2f{other}%2fsecret.txt",
        "/etc/passwd",
        "x%00y",
        "x" * 300,
    ],
)
def test_a_shop_shows_its_own_files_alone(
    acme: TenantInfo, globex: TenantInfo, client_of: Callable[[TenantInfo], Client], tmp_path: Path, name: str
) -> None:
    with override_settings(MEDIA_ROOT=tmp_path):
        with use_tenant(globex):
            default_storage.save("secret.txt", ContentFile(b"of globex"))
        assert b"".join(client_of(globex).get("/media/secret.txt").streaming_content) == b"of globex"  # type: ignore[attr-defined]
        client = client_of(acme)
        assert client.get("/media/secret.txt").status_code == 404
        assert client.get("/media/" + name.format(other=globex.schema)).status_code == 404
