"""Responses without a tenant: pages that need neither database nor session and reveal nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from tenants import TenantInfo
from tenants.http import responses as pages
from tests.settings import TENANTS

CLOSED = TenantInfo(id=1, slug="a", schema="t_1", name="<b>A & Co</b>", notice="Back <i>soon</i>", host="a.example")


def unknown(request: Any) -> HttpResponse:
    return pages.unknown_host(request)


def suspended(request: Any) -> HttpResponse:
    return pages.suspended(request, CLOSED)


def updating(request: Any) -> HttpResponse:
    return pages.updating(request, CLOSED)


Page = Callable[[Any], HttpResponse]


@pytest.mark.parametrize(
    ("page", "status", "retry_after"), [(unknown, 404, None), (suspended, 503, "300"), (updating, 503, "30")]
)
def test_a_page_has_its_status_and_is_kept_by_no_cache(
    rf: RequestFactory, page: Page, status: int, retry_after: str | None
) -> None:
    response = page(rf.get("/"))
    assert response.status_code == status
    assert response.get("Retry-After") == retry_after
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert {"Accept-Language", "Cookie", "Host"} <= set(response["Vary"].split(", "))
    assert not response.cookies


@pytest.mark.parametrize("page", [unknown, suspended, updating])
def test_a_page_asks_no_database(db: None, rf: RequestFactory, page: Page) -> None:
    with CaptureQueriesContext(connection) as captured:
        page(rf.get("/"))
    assert not captured.captured_queries


@pytest.mark.parametrize(
    ("language", "word"),
    [("en", "en"), ("ko", "ko"), ("ko-KR,ko;q=0.9", "ko"), ("xx", "en"), ("*", "en"), ("\0", "en")],
)
def test_a_page_speaks_the_visitors_language_and_leaves_ours_alone(
    rf: RequestFactory, language: str, word: str
) -> None:
    with translation.override("ko"):
        response = unknown(rf.get("/", headers={"accept-language": language}))
        assert translation.get_language() == "ko"
    assert response["Content-Language"] == word
    assert f'lang="{word}"' in response.text


def test_names_and_notices_are_text_and_not_html(rf: RequestFactory) -> None:
    text = suspended(rf.get("/")).text
    assert "&lt;b&gt;A &amp; Co&lt;/b&gt;" in text
    assert "Back &lt;i&gt;soon&lt;/i&gt;" in text
    assert "&lt;b&gt;A &amp; Co&lt;/b&gt;" in updating(rf.get("/")).text


def test_an_unknown_host_is_not_repeated(rf: RequestFactory) -> None:
    assert "evil" not in unknown(rf.get("/<evil>", headers={"host": "evil.example"})).text


@pytest.mark.parametrize("page", [unknown, suspended, updating])
def test_a_head_request_gets_the_same(rf: RequestFactory, page: Page) -> None:
    assert page(rf.head("/")).status_code == page(rf.get("/")).status_code


@pytest.mark.parametrize(
    ("origin", "location"),
    [
        ("http://localhost:8000", "http://a.example:8000/x/?y=1&z=%2F"),
        ("https://shops.example", "https://a.example/x/?y=1&z=%2F"),
    ],
)
def test_an_alias_is_sent_on_with_path_and_query(rf: RequestFactory, origin: str, location: str) -> None:
    with override_settings(TENANTS={**TENANTS, "ORIGIN": origin}):
        response = pages.moved(rf.post("/x/?y=1&z=%2F"), CLOSED)
    assert (response.status_code, response["Location"]) == (308, location)
