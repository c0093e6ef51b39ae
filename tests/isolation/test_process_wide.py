"""Caches of Django for a process: filled by one tenant, then read by another, in one thread and in two."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache, caches
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models.signals import post_save
from django.test import Client, override_settings
from django.utils import timezone, translation

from shop.goods.models import Goods
from tenants import PLATFORM, NoActiveTenant, TenantInfo, WrongTenant, current_tenant, run_in_threads, use_tenant
from tenants.isolation.logging import TenantLogFilter
from tenants.lifecycle import clear_tenant_cache
from tests.isolation import remembering_urls
from tests.settings import CACHES, MIDDLEWARE, TENANTS

URLS = {**TENANTS, "TENANT_URLCONF": "tests.isolation.remembering_urls"}
OpenShop = Callable[..., TenantInfo]
Pair = tuple[TenantInfo, TenantInfo]


def fresh_cache(backend: str = "locmem.LocMemCache", location: object = "") -> dict[str, Any]:
    place = str(location or uuid4())
    return {"default": {**CACHES["default"], "BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": place}}


@pytest.fixture
def pair(open_shop: OpenShop) -> Iterator[Pair]:
    """Two shops that differ in everything, in a project whose views remember things."""
    shops = (
        open_shop(language="en", time_zone="Europe/Paris", owner_email="a@a.example"),
        open_shop(language="ko", time_zone="Asia/Seoul", owner_email="b@b.example"),
    )
    with override_settings(TENANTS=URLS, CACHES=fresh_cache()):
        remembering_urls.rendered.clear()
        yield shops


def get(tenant: TenantInfo, path: str, **headers: str) -> str:
    return Client(HTTP_HOST=tenant.host).get(path, **headers).content.decode()  # type: ignore[arg-type]


# --- One question for each thing that is kept; the answer has to name the tenant that asks


def cached(tenant: TenantInfo) -> str:
    with use_tenant(tenant):
        return str(cache.get_or_set("key", lambda: current_tenant().slug))


def cached_in_another_version(tenant: TenantInfo) -> str:
    with use_tenant(tenant):
        return str(cache.get_or_set("key", lambda: current_tenant().slug, version=2))


def cached_many(tenant: TenantInfo) -> str:
    with use_tenant(tenant):
        cache.add("one", current_tenant().slug)
        return str(cache.get_many(["one"])["one"])


def file_place(tenant: TenantInfo) -> str:
    with use_tenant(tenant):
        return f"{tenant.slug if Path(default_storage.path('x')).parent.name == tenant.schema else 'wrong'}"


def after_the_commit(tenant: TenantInfo) -> str:
    found: list[str] = []
    with use_tenant(tenant):
        with transaction.atomic():
            transaction.on_commit(lambda: found.append(current_tenant().slug))
    return found[0]


def in_a_signal(tenant: TenantInfo) -> str:
    found: list[str] = []

    def receive(instance: Group, **_: object) -> None:
        if instance.name == tenant.slug:  # all tenants share receivers
            found.append(current_tenant().slug)

    post_save.connect(receive, sender=Group, weak=False, dispatch_uid=tenant.slug)
    try:
        with use_tenant(tenant), transaction.atomic():
            Group.objects.create(name=tenant.slug)
            transaction.set_rollback(True)
    finally:
        post_save.disconnect(sender=Group, dispatch_uid=tenant.slug)
    return found[-1]


def in_the_log(tenant: TenantInfo) -> str:
    record = logging.makeLogRecord({"msg": "hello"})
    with use_tenant(tenant):
        TenantLogFilter().filter(record)
    return str(record.tenant)  # type: ignore[attr-defined]


def in_threads_of_its_own(tenant: TenantInfo) -> str:
    with use_tenant(tenant):
        (email,) = {user for users in run_in_threads(_emails, range(3), threads=2) for user in users}
    return tenant.slug if email[0] == ("a" if tenant.language == "en" else "b") else email


def _emails(_: int) -> list[str]:
    return [user.email for user in User.objects.all()]


READINGS: dict[str, Callable[[TenantInfo], str]] = {
    "the cache": cached,
    "the cache, another version": cached_in_another_version,
    "the cache, many at once": cached_many,
    "a cached page": partial(get, path="/page/"),
    "a cached fragment of a template": partial(get, path="/fragment/"),
    "the place of files": file_place,
    "a function after the commit": after_the_commit,
    "a receiver of a signal": in_a_signal,
    "the log": in_the_log,
    "threads": in_threads_of_its_own,
}


@pytest.mark.parametrize("what", READINGS)
def test_what_one_tenant_has_filled_another_does_not_get(pair: Pair, what: str) -> None:
    for tenant in pair * 3:
        assert READINGS[what](tenant) == tenant.slug


@pytest.mark.parametrize("what", READINGS)
def test_two_threads_at_once_get_their_own(pair: Pair, what: str) -> None:
    assert at_once(pair, READINGS[what], times=10) == [(tenant.slug, {tenant.slug}) for tenant in pair]


def at_once(pair: Pair, reading: Callable[[TenantInfo], str], times: int) -> list[tuple[str, set[str]]]:
    """Ask for both shops at the same time, again and again; return what was answered to each."""
    barrier = Barrier(2, timeout=180)
    answers: dict[str, set[str]] = {tenant.slug: set() for tenant in pair}

    def ask(tenant: TenantInfo) -> None:
        try:
            for _ in range(times):
                barrier.wait()
                answers[tenant.slug].add(reading(tenant))
        except BaseException as error:
            answers[tenant.slug].add(repr(error))
            barrier.abort()
            raise
        finally:
            connections.close_all()

    threads = [Thread(target=ask, args=[tenant]) for tenant in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(answers.items())


def test_pages_and_fragments_are_cached_at_all(pair: Pair) -> None:
    """The control: without a cache the tests above would pass as well."""
    for tenant in pair:
        for path in ("/page/", "/page/", "/fragment/", "/fragment/"):
            get(tenant, path)
        assert remembering_urls.rendered[tenant.slug] == 2


def test_with_keys_without_a_tenant_the_same_reads_are_wrong(pair: Pair) -> None:
    """The control: Django's own keys are the same for all tenants."""
    caches_of_all = fresh_cache()
    del caches_of_all["default"]["KEY_FUNCTION"]
    with override_settings(CACHES=caches_of_all):
        for what in ("the cache", "the cache, another version"):
            assert [READINGS[what](tenant) for tenant in pair] == [pair[0].slug] * 2


# --- Caches of whole answers


def test_a_cache_of_the_whole_site_is_each_tenants_own(pair: Pair) -> None:
    whole = [
        MIDDLEWARE[0],
        "django.middleware.cache.UpdateCacheMiddleware",
        *MIDDLEWARE[1:],
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    with override_settings(MIDDLEWARE=whole):
        for tenant in pair * 2:
            assert get(tenant, "/whose/") == tenant.slug
        assert set(remembering_urls.rendered.values()) == {1}, "the second answer came from the cache"


def test_a_cache_in_front_is_told_to_vary_by_host(pair: Pair) -> None:
    for tenant in pair:
        assert "Host" in Client(HTTP_HOST=tenant.host).get("/whose/")["Vary"]


def test_a_tag_of_one_tenants_page_is_not_anothers(pair: Pair) -> None:
    ours, theirs = (Client(HTTP_HOST=tenant.host) for tenant in pair)
    tag = ours.get("/tagged/")["ETag"]
    assert ours.get("/tagged/", HTTP_IF_NONE_MATCH=tag).status_code == 304
    answer = theirs.get("/tagged/", HTTP_IF_NONE_MATCH=tag)
    assert (answer.status_code, answer.content.decode()) == (200, pair[1].slug)


def test_under_a_path_prefix_caches_and_addresses_are_each_tenants_own(pair: Pair) -> None:
    """There, both answer at one host."""
    with override_settings(TENANTS={**URLS, "PATH_PREFIX": "t"}):
        for tenant in pair * 2:
            client = Client(HTTP_HOST="localhost")
            assert client.get(f"/t/{tenant.slug}/page/").content.decode() == tenant.slug
            assert client.get(f"/t/{tenant.slug}/place/").content.decode().endswith(f" /t/{tenant.slug}/place/")


# --- Throttles, language, time zone


def test_a_tenant_whose_visitors_are_throttled_does_not_throttle_anothers(pair: Pair) -> None:
    ours, theirs = (Client(HTTP_HOST=tenant.host, REMOTE_ADDR="203.0.113.9") for tenant in pair)
    assert [ours.get("/throttled/").status_code for _ in range(3)] == [200, 200, 429]
    assert [theirs.get("/throttled/").status_code for _ in range(3)] == [200, 200, 429]


def test_language_and_time_zone_are_the_requests_in_all_threads(pair: Pair) -> None:
    expected = {pair[0].slug: "Yes Europe/Paris /place/", pair[1].slug: "예 Asia/Seoul /place/"}
    with translation.override("en"):
        for tenant in pair * 2:
            assert get(tenant, "/place/") == expected[tenant.slug]
    assert at_once(pair, partial(get, path="/place/"), times=10) == [
        (slug, {answer}) for slug, answer in expected.items()
    ]


# --- Content types and rights, with other ids in each schema


@pytest.fixture
def other_ids(pair: Pair) -> Iterator[Pair]:
    with use_tenant(pair[1].as_owner()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("UPDATE auth_permission SET content_type_id = content_type_id + 9000")
        cursor.execute("UPDATE django_content_type SET id = id + 9000")
    for tenant in pair:
        with use_tenant(tenant):
            clerk = User.objects.create(username="clerk")
            clerk.user_permissions.add(Permission.objects.get(content_type__app_label="goods", codename="view_goods"))
    ContentType.objects.clear_cache()
    yield pair
    ContentType.objects.clear_cache()


def content_type_and_right(tenant: TenantInfo) -> str:
    with use_tenant(tenant):
        own = ContentType.objects.get_for_model(Goods)
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM django_content_type WHERE app_label = 'goods' AND model = 'goods'")
            is_right = cursor.fetchone() == (own.pk,) and ContentType.objects.get_for_id(own.pk).model == "goods"
        may = User.objects.get(username="clerk").has_perm("goods.view_goods")
        return tenant.slug if is_right and may else f"{own.pk} {may}"


def test_content_types_have_each_tenants_ids_in_all_threads(other_ids: Pair) -> None:
    for tenant in other_ids * 2:
        assert content_type_and_right(tenant) == tenant.slug
    ContentType.objects.clear_cache()
    assert at_once(other_ids, content_type_and_right, times=10) == [(t.slug, {t.slug}) for t in other_ids]


# --- Emptying one tenant's cache


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "filebased.FileBasedCache"])
def test_clearing_a_tenants_cache_clears_no_other(pair: Pair, tmp_path: Path, backend: str) -> None:
    place = tmp_path if "file" in backend else ""
    with override_settings(CACHES=fresh_cache(backend, place)):
        for tenant in (*pair, PLATFORM):
            with use_tenant(tenant):
                cache.set("key", "kept", timeout=None)
        ours = clear_tenant_cache(pair[0].slug)
        for tenant in (ours, pair[0]):  # with a new read, and with the object of a running request
            with use_tenant(tenant):
                assert cache.get("key") is None
        for tenant in (pair[1], PLATFORM):
            with use_tenant(tenant):
                assert cache.get("key") == "kept"
        with use_tenant(ours):
            cache.set("key", "new")
            assert cache.get("key") == "new"


def test_another_process_finds_nothing_either(pair: Pair) -> None:
    """It knows the new generation from the control plane alone."""
    from tenants.isolation import cache as cache_module
    from tenants.registry.lookup import registry, tenant_by_slug

    call_command("clear_tenant_cache", pair[0].slug, verbosity=0)
    registry.clear()
    here = dict(cache_module._generations)
    cache_module._generations.clear()
    try:
        assert tenant_by_slug(pair[0].slug).cache_generation == pair[0].cache_generation + 1
        with use_tenant(tenant_by_slug(pair[0].slug)):
            assert caches["default"].make_key("key").startswith(f"{pair[0].schema}.1.")
    finally:
        cache_module._generations.update(here)


def test_a_cache_is_not_emptied_by_what_was_rolled_back(pair: Pair) -> None:
    with use_tenant(pair[0]):
        cache.set("key", "kept")
    with use_tenant(PLATFORM), transaction.atomic():
        clear_tenant_cache(pair[0].slug)
        transaction.set_rollback(True)
    with use_tenant(pair[0]):
        assert cache.get("key") == "kept"


# --- Threads and logs


def test_threads_have_the_callers_place_and_give_their_connections_back(pair: Pair) -> None:
    def place(number: int) -> tuple[int, str, str, str]:
        return number, current_tenant().slug, str(translation.get_language()), timezone.get_current_timezone_name()

    with use_tenant(pair[1]), translation.override("ko"), timezone.override("Asia/Seoul"):
        found = run_in_threads(place, range(5), threads=2)
    assert found == [(number, pair[1].slug, "ko", "Asia/Seoul") for number in range(5)]


def test_an_error_in_a_thread_is_the_callers_and_no_further_call_is_begun(pair: Pair) -> None:
    begun: list[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        raise KeyError(number)

    with use_tenant(pair[0]), pytest.raises(KeyError):
        run_in_threads(fail, range(1000), threads=1)
    assert len(begun) < 1000


def test_a_record_of_one_tenant_is_refused_in_anothers_threads(pair: Pair) -> None:
    with use_tenant(pair[0]):
        user = User.objects.get()
    with use_tenant(pair[1]), pytest.raises(WrongTenant):
        run_in_threads(lambda _: user.save(), range(1))


def test_without_a_tenant_no_threads_are_started() -> None:
    with pytest.raises(NoActiveTenant):
        run_in_threads(print, [1])


def test_plain_thread_has_no_tenant(pair: Pair) -> None:
    """The control: a thread that `run_in_threads` has not started is refused."""
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            User.objects.count()
        except NoActiveTenant as error:
            errors.append(error)

    with use_tenant(pair[0]):
        thread = Thread(target=ask)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_a_log_record_that_is_written_by_another_thread_keeps_its_tenant(pair: Pair) -> None:
    queue: SimpleQueue[Any] = SimpleQueue()
    handler = QueueHandler(queue)
    handler.addFilter(TenantLogFilter())
    with use_tenant(pair[0]):
        handler.handle(logging.makeLogRecord({"msg": "hello"}))
    with use_tenant(pair[1]):
        record = queue.get()
        TenantLogFilter().filter(record)
    assert record.tenant == pair[0].slug
