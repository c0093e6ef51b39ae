"""Language, time zone and URLconf belong to a request's block."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from threading import Thread
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from asgiref.local import Local
from django.test import override_settings
from django.urls import get_urlconf, set_urlconf
from django.utils import timezone, translation
from django.utils.translation import reloader, trans_real

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.context import Block, innermost, leave, serve
from tenants.isolation.patches.request_state import RequestLocal, RequestState
from tenants.threads import run_in_threads

SEOUL = TenantInfo(id=1, slug="one", schema="t_1", time_zone="Asia/Seoul", language="ko")
PARIS = TenantInfo(id=2, slug="two", schema="t_2", time_zone="Europe/Paris", language="fr")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with translation.override(None), timezone.override(None):
        yield
    set_urlconf(None)
    assert innermost.get() is None


def here() -> tuple[str | None, str, Any]:
    return translation.get_language(), timezone.get_current_timezone_name(), get_urlconf()


DEFAULT = (translation.get_language(), "UTC", None)


@pytest.fixture
def outside() -> tuple[str | None, str, Any]:
    translation.deactivate()
    return here()


def test_a_request_has_its_tenants_zone_and_urls_and_leaves_nothing(outside: Any) -> None:
    block = serve(SEOUL, "urls.of.one")
    translation.activate("ko")
    assert here() == ("ko", "Asia/Seoul", "urls.of.one")
    leave(block)
    assert here() == outside
    block = serve(PARIS, "urls.of.two")
    assert here() == (outside[0], "Europe/Paris", "urls.of.two")
    leave(block)


def test_what_is_active_outside_requests_is_seen_inside_and_stays(outside: Any) -> None:
    """A worker or a test activates a language: that is not a request's to end."""
    translation.activate("fr")
    timezone.activate("Asia/Tokyo")
    set_urlconf("urls.outside")
    block = serve(SEOUL, "urls.of.one")
    assert here() == ("fr", "Asia/Seoul", "urls.of.one")
    translation.activate("ko")
    timezone.activate("Asia/Kabul")
    set_urlconf("urls.chosen")
    assert here() == ("ko", "Asia/Kabul", "urls.chosen")
    leave(block)
    assert here() == ("fr", "Asia/Tokyo", "urls.outside")
    block = serve(PLATFORM, None)
    assert here() == ("fr", "Asia/Tokyo", "urls.outside")
    leave(block)


def test_a_request_inside_a_request_has_its_own_and_the_outer_keeps_its(outside: Any) -> None:
    """As a test client, or an application that calls itself."""
    outer = serve(SEOUL, "urls.of.one")
    translation.activate("ko")
    inner = serve(PARIS, "urls.of.two")
    assert here() == ("ko", "Europe/Paris", "urls.of.two")
    translation.activate("de")
    timezone.deactivate()
    assert here() == ("de", "Europe/Paris", "urls.of.two")
    leave(inner)
    assert here() == ("ko", "Asia/Seoul", "urls.of.one")
    leave(outer)
    assert here() == outside


def test_deactivating_in_a_request_gives_the_defaults(outside: Any) -> None:
    translation.activate("fr")
    block = serve(SEOUL, None)
    translation.activate("ko")
    with timezone.override("Asia/Tokyo"), timezone.override(None):
        assert timezone.get_current_timezone_name() == "Asia/Seoul", "the tenant's is the default of its requests"
    translation.deactivate()
    assert translation.get_language() == outside[0]
    with translation.override(None):
        assert translation.get_language() is None
    assert translation.get_language() == outside[0]
    leave(block)
    assert translation.get_language() == "fr"


def test_a_block_of_another_tenant_keeps_the_requests_place(outside: Any) -> None:
    block = serve(SEOUL, "urls.of.one")
    translation.activate("ko")
    with use_tenant(PARIS):
        assert here() == ("ko", "Asia/Seoul", "urls.of.one")
    leave(block)


def test_blocks_left_in_a_wrong_order_bring_nothing_back(outside: Any) -> None:
    first = serve(SEOUL, None)
    translation.activate("ko")
    serve(PARIS, None)
    translation.activate("de")
    leave(first)
    assert here()[:2] == outside[:2]


def test_threads_have_the_callers_place_and_a_plain_thread_has_none(outside: Any, committed: None) -> None:
    block = serve(SEOUL, "urls.of.one")
    translation.activate("ko")

    def look(language: str) -> list[Any]:
        before = here()
        translation.activate(language)
        return [before, here()]

    found = run_in_threads(look, ["de", "fr", "en"])
    assert [each[0] for each in found] == [("ko", "Asia/Seoul", "urls.of.one")] * 3
    assert [each[1][0] for each in found] == ["de", "fr", "en"]
    assert translation.get_language() == "ko"
    leave(block)
    plain: list[Any] = []
    thread = Thread(target=lambda: plain.append(here()))
    thread.start()
    thread.join()
    assert plain == [outside]


def test_a_place_holds_again_in_another_block(outside: Any) -> None:
    block = serve(SEOUL, "urls.of.one")
    translation.activate("ko")
    timezone.activate("Asia/Tokyo")
    state = RequestState()
    leave(block)
    block = serve(SEOUL, "urls.of.one")
    assert here()[0] == outside[0]
    state.restore()
    assert here() == ("ko", "Asia/Tokyo", "urls.of.one")
    leave(block)
    assert here() == outside


@pytest.mark.parametrize(
    "changed", [{"LANGUAGES": [("en", "English"), ("ko", "Korean")]}, {"LANGUAGE_CODE": "ko"}, {"LOCALE_PATHS": []}]
)
def test_a_setting_that_a_test_changes_puts_no_local_of_djangos_there(changed: dict[str, Any]) -> None:
    """`django.test.signals` has all threads forget their language by a new `Local`."""
    with override_settings(**changed):
        assert isinstance(trans_real._active, RequestLocal)
        block = serve(SEOUL, None)
        translation.activate("ko")
        leave(block)
        assert translation.get_language() == (changed.get("LANGUAGE_CODE") or DEFAULT[0])
    assert isinstance(trans_real._active, RequestLocal)


def test_a_language_is_forgotten_when_django_puts_a_new_local_there() -> None:
    translation.activate("ko")
    trans_real._active = Local()
    assert translation.get_language() != "ko"
    assert isinstance(trans_real._active, RequestLocal)
    with patch.object(trans_real, "_active", Local()):
        translation.activate("ko")
    assert isinstance(trans_real._active, RequestLocal)


def test_autoreloader_does_not_replace_the_local(tmp_path: Any) -> None:
    assert reloader.translation_file_changed(None, tmp_path / "django.mo")
    assert isinstance(trans_real._active, RequestLocal)


def test_a_thread_keeps_one_value_however_many_requests_it_serves() -> None:
    def blocks() -> int:
        gc.collect()
        return sum(type(each) is Block for each in gc.get_objects())

    before = blocks()  # other tests may have kept some
    for number in range(300):
        block = serve(SEOUL if number % 2 else PARIS, None)
        translation.activate("ko")
        timezone.activate(ZoneInfo("Asia/Tokyo"))
        leave(block)
    assert blocks() < before + 10
