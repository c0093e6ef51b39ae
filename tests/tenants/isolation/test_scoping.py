"""What Django keeps once per process is kept once per tenant: keys, files, content types, logs, templates."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.state import ProjectState
from django.template import engines
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import get_script_prefix, set_script_prefix
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.goods.models import Goods
from tenants import PLATFORM, NoActiveTenant, TenantInfo, active_tenant, use_tenant
from tenants.isolation import scoping
from tenants.isolation.scoping import (
    PerTenant,
    TenantFileSystemStorage,
    TenantLogFilter,
    cache_key,
    tenant_in_templates,
)
from tests.settings import TENANTS

A = TenantInfo(id=1, slug="a", schema="t_1")
B = TenantInfo(id=11, slug="b", schema="t_11")


# --- Cache keys

_KEYS = st.text(st.sampled_from("1:x"), max_size=4) | st.text(max_size=20)
_VERSIONS = st.sampled_from([1, 11])
_TENANTS = st.sampled_from(
    [PLATFORM, *(TenantInfo(id=number, slug="x", schema=f"t_{number}") for number in (1, 11, 111))]
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_TENANTS, _KEYS, _KEYS, _VERSIONS, _TENANTS, _KEYS, _KEYS, _VERSIONS)
def test_no_keys_of_two_tenants_meet(
    one: TenantInfo, key: str, prefix: str, version: int, other: TenantInfo, key_2: str, prefix_2: str, version_2: int
) -> None:
    with use_tenant(one):
        first = cache_key(key, prefix, version)
    with use_tenant(other):
        second = cache_key(key_2, prefix_2, version_2)
    assert (first == second) <= (one.schema == other.schema)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_TENANTS, _KEYS, _VERSIONS, _TENANTS, _KEYS, _VERSIONS)
def test_under_one_prefix_every_tenant_version_and_key_has_a_key_of_its_own(
    one: TenantInfo, key: str, version: int, other: TenantInfo, key_2: str, version_2: int
) -> None:
    with use_tenant(one):
        first = cache_key(key, "p:", version)
    with use_tenant(other):
        second = cache_key(key_2, "p:", version_2)
    assert (first == second) == ((one.schema, version, key) == (other.schema, version_2, key_2))


def test_djangos_cache_is_the_active_tenants_and_nobodys_without_one() -> None:
    for tenant, value in ((A, "of a"), (B, "of b"), (PLATFORM, "of the platform")):
        with use_tenant(tenant):
            assert cache.get("greeting") is None
            cache.set("greeting", value)
    for tenant, value in ((A, "of a"), (B, "of b"), (PLATFORM, "of the platform")):
        with use_tenant(tenant):
            assert cache.get("greeting") == value
            cache.delete("greeting")
    with pytest.raises(NoActiveTenant):
        cache.get("greeting")


# --- Files


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


def test_each_tenant_has_a_folder_of_its_own(media: Path) -> None:
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


def test_a_link_inside_the_folder_and_a_media_root_that_is_a_link_are_fine(media: Path, tmp_path: Path) -> None:
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


# --- Content types


@pytest.fixture
def other_ids(acme: TenantInfo, globex: TenantInfo) -> Iterator[dict[str, int]]:
    """Give globex other ids of content types than acme's."""
    with use_tenant(globex.as_owner()), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("UPDATE auth_permission SET content_type_id = content_type_id + 9000")
        cursor.execute("UPDATE django_content_type SET id = id + 9000")
    ids = {}
    for tenant in (acme, globex):
        with use_tenant(tenant):
            ContentType.objects.clear_cache()
            ids[tenant.slug] = ContentType.objects.get(app_label="goods", model="goods").pk
    assert ids["globex"] != ids["acme"]
    yield ids
    ContentType.objects.clear_cache()  # the ids are rolled back


def test_a_content_type_is_the_active_tenants(acme: TenantInfo, globex: TenantInfo, other_ids: dict[str, int]) -> None:
    for tenant in (acme, globex, acme):
        with use_tenant(tenant):
            own = ContentType.objects.get_for_model(Goods)
            assert own.pk == other_ids[tenant.slug]
            assert ContentType.objects.get_for_id(own.pk).model == "goods"
            assert ContentType.objects.get_by_natural_key("goods", "goods").pk == own.pk
            other = other_ids["globex" if tenant == acme else "acme"]
            with pytest.raises(ContentType.DoesNotExist):
                ContentType.objects.get_for_id(other)


def test_a_warm_content_type_costs_no_query(acme: TenantInfo, other_ids: dict[str, int]) -> None:
    with use_tenant(acme):
        ContentType.objects.get_for_model(Goods)
        with CaptureQueriesContext(connection) as captured:
            ContentType.objects.get_for_model(Goods)
    assert not captured.captured_queries


def test_rights_hang_on_the_tenants_own_content_types(
    acme: TenantInfo, globex: TenantInfo, other_ids: dict[str, int]
) -> None:
    for tenant in (acme, globex):
        with use_tenant(tenant):
            clerk = User.objects.create(username="clerk")
            clerk.user_permissions.add(
                Permission.objects.get(content_type=ContentType.objects.get_for_model(Goods), codename="view_goods")
            )
            assert User.objects.get(username="clerk").has_perm("goods.view_goods")


def test_a_model_that_is_made_later_brings_back_no_process_wide_cache(
    acme: TenantInfo, globex: TenantInfo, other_ids: dict[str, int]
) -> None:
    """Django makes the managers of all models anew whenever a model is registered."""
    apps.clear_cache()
    for tenant in (acme, globex):
        with use_tenant(tenant):
            assert ContentType.objects.get_for_model(Goods).pk == other_ids[tenant.slug]


# --- Logs and templates


@pytest.mark.parametrize(("tenant", "word"), [(None, "-"), (PLATFORM, "platform"), (A, "a")])
def test_a_log_record_says_whose_it_is(tenant: TenantInfo | None, word: str) -> None:
    def made() -> Any:
        record = logging.makeLogRecord({"msg": "hello"})
        assert TenantLogFilter().filter(record)
        return record

    if tenant is None:
        assert made().tenant == word
    else:
        with use_tenant(tenant):
            assert made().tenant == word


def test_templates_know_the_active_tenant(rf: RequestFactory) -> None:
    template = engines["django"].from_string("{{ tenant.slug }}|{{ tenant }}")
    with use_tenant(A):
        context = tenant_in_templates(rf.get("/"))
        assert template.render(context) == "a|a"
    assert active_tenant() is None
    assert tenant_in_templates(rf.get("/")) == {"tenant": None}


def forget_who_knows_content_types() -> None:
    """Bring all managers of content types back to what they are in a process that has just begun."""
    apps.clear_cache()
    if hasattr(ContentType, "_ids_per_tenant"):
        del ContentType._ids_per_tenant


def test_accesses_of_a_generic_foreign_key_in_a_new_process_cost_one_query(acme: TenantInfo) -> None:
    """Fault 7: five rows, one question for the content type; what a copy of a manager learns, all of them know."""
    with use_tenant(acme):
        user = User.objects.get()
        forget_who_knows_content_types()
        with CaptureQueriesContext(connection) as captured:
            for _ in range(5):
                own = GenericForeignKey().get_content_type(obj=user)
        assert len(captured) == 1
        with CaptureQueriesContext(connection) as captured:
            for _ in range(5):
                assert GenericForeignKey().get_content_type(id=own.pk, using="default") == own
                assert ContentType.objects.get_for_model(User) == own
                assert ContentType._default_manager.db_manager("default").get_by_natural_key("auth", "user") == own
    assert not captured.captured_queries


def test_historical_models_remember_content_types_per_tenant_too(
    acme: TenantInfo, globex: TenantInfo, other_ids: dict[str, int]
) -> None:
    """Fault 7: migrations of many tenants share one state, and ask by a copy as well."""
    state = ProjectState.from_apps(apps)
    historical: Any = state.apps.get_model("contenttypes", "ContentType")
    for tenant in (acme, globex, acme):
        with use_tenant(tenant):
            goods = state.apps.get_model("goods", "Goods")
            assert historical.objects.db_manager("default").get_for_model(goods).pk == other_ids[tenant.slug]
            with CaptureQueriesContext(connection) as captured:
                assert historical.objects.db_manager("default").get_for_model(goods).pk == other_ids[tenant.slug]
            assert not captured.captured_queries


# --- Bounds


def test_a_mapping_per_tenant_keeps_the_newest_tenants_alone() -> None:
    """Fault 62: as many as the registry keeps; who was asked for longest ago goes first."""
    mapping = PerTenant()
    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 3}):
        for number in (1, 2, 3, 1, 4, 5):
            with use_tenant(TenantInfo(id=number, slug=f"s{number}", schema=f"t_{number}")):
                mapping["key"] = number
    assert list(mapping._contents) == ["t_1", "t_4", "t_5"]
    for number, kept in ((1, {"key": 1}), (2, {})):
        with use_tenant(TenantInfo(id=number, slug="s", schema=f"t_{number}")):
            assert dict(mapping) == kept


def test_a_mapping_per_tenant_is_shared_by_threads() -> None:
    mapping = PerTenant()

    def use(number: int) -> bool:
        with use_tenant(TenantInfo(id=number, slug="s", schema=f"t_{number % 40}")):
            mapping[f"key-{number}"] = number
            PerTenant.forget(f"t_{number % 7}")
            return mapping.get(f"key-{number}") in {number, None}

    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 10}), ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(2000)))
        assert len(mapping._contents) <= 10


def test_generations_of_emptied_caches_are_bounded_and_the_newest_holds() -> None:
    """Fault 62: of as many tenants as may have requests under way."""
    before = dict(scoping._generations)
    scoping._generations.clear()
    try:
        for number in range(scoping._KEPT_GENERATIONS + 500):
            scoping.note_cache_generation(f"t_{number}", 1)
        scoping.note_cache_generation("t_600", 2)
        for number in range(5000, 5000 + scoping._KEPT_GENERATIONS - 1):
            scoping.note_cache_generation(f"t_{number}", 1)
        assert len(scoping._generations) == scoping._KEPT_GENERATIONS
        with use_tenant(TenantInfo(id=600, slug="a", schema="t_600")):
            assert cache_key("key", "", 1) == "t_600.2:1::key"
    finally:
        scoping._generations.clear()
        scoping._generations.update(before)
