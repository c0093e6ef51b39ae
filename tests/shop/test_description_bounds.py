"""Descriptions are limited at every input, and not cleaned again at a view."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import nh3
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from shop.goods.importer import import_goods
from shop.goods.models import Goods, Sku
from shop.goods.plain_text import plain_text
from shop.goods.rich_text import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_TAGS,
    as_markup,
    clean_html,
    is_clean,
    is_html,
    validate_description,
)
from tenants import TenantInfo, use_tenant
from tests.shop.test_rich_text import ATTACKS

NESTED = "<ul><li>" * 10_000
HOSTILE = {
    "nested": NESTED,
    "unclosed": "<div>" * 20_000,
    "crossed": "<a><div>" * 12_000,
    "deep": "<div>" * (MAX_DEPTH + 1) + "x" + "</div>" * (MAX_DEPTH + 1),
    "deep within the tags": "<ul><li>" * (MAX_TAGS // 2 - 1),
    "long": "<p>" + "x" * MAX_CHARACTERS,
    "put together": "<div>" * (MAX_TAGS + 1) + "<<b>div>" * 5_000,
    "many flat": "<p>x" * (MAX_TAGS + 1),
}


@pytest.fixture
def given_to_nh3(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The texts that nh3 gets: its cost grows by the square of its tags, and is what is bounded."""
    given: list[str] = []
    clean = nh3.clean
    monkeypatch.setattr(nh3, "clean", lambda text, **options: given.append(text) or clean(text, **options))
    yield given
    assert all(len(re.findall("<[a-zA-Z]", text)) <= MAX_TAGS and len(text) <= MAX_CHARACTERS for text in given)


def depth_of(markup: str) -> int:
    depth = deepest = 0
    for end in re.findall(r"<(/?)(?!br|hr)[a-z]", markup):
        depth += -1 if end else 1
        deepest = max(deepest, depth)
    return deepest


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("way", ["save", "create", "bulk_create", "update", "bulk_update"])
def test_a_hostile_description_saved_is_plain_text(
    acme: TenantInfo, given_to_nh3: list[str], kind: str, way: str
) -> None:
    """Fault 29: `<ul><li>` 30,000 times took 33 s to clean, twice at saving and at each view."""
    text = HOSTILE[kind]
    with use_tenant(acme):
        goods = Goods(name="Mug", slug="mug")
        if way == "bulk_create":
            Goods.objects.bulk_create([Goods(name="Mug", slug="mug", description=text)])
        else:
            goods.description = text if way == "create" else ""
            goods.save()
            goods.description = text
            if way == "save":
                goods.save()
            elif way == "update":
                Goods.objects.update(description=text)
            elif way == "bulk_update":
                Goods.objects.bulk_update([goods], ["description"])
        stored = Goods.objects.get().description
    assert not is_html(stored)
    assert len(stored) <= MAX_CHARACTERS
    assert len(given_to_nh3) <= 1, "it is cleaned once"


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_description_in_a_form_or_the_api_is_refused(
    acme: TenantInfo, client_of: Callable[[TenantInfo], Client], given_to_nh3: list[str], kind: str
) -> None:
    """Fault 29: where a person can be asked, the markup is not lost without a word."""
    client = client_of(acme)
    with use_tenant(acme):
        goods = Goods.objects.create(name="Mug", slug="mug", description="<p>Kept</p>")
        client.force_login(User.objects.get())
        with pytest.raises(ValidationError, match="longer than|too complex"):
            validate_description(HOSTILE[kind])
    form = {"name": "Mug", "slug": "mug", "description": HOSTILE[kind], "tags": "", "option_names": ""}
    for prefix in ("skus", "pictures"):
        form |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    page = client.post(f"/admin/goods/goods/{goods.pk}/change/", form)
    assert page.status_code == 200
    assert re.search("longer than|too complex", str(page.context["adminform"].form.errors["description"]))
    sent = json.dumps({"description": HOSTILE[kind]})
    answer = client.patch(f"/api/v2/goods/{goods.pk}", sent, content_type="application/json")
    assert answer.status_code == 422, answer.content[:300]
    line = json.dumps({"name": "Cup", "slug": "cup", "description": HOSTILE[kind]})
    assert client.post("/api/v2/goods/bulk", line, content_type="application/x-ndjson").status_code == 422
    with use_tenant(acme):
        assert [one.description for one in Goods.objects.all()] == ["<p>Kept</p>"]


@pytest.mark.parametrize("kind", ["nested", "crossed", "deep", "many flat"])
def test_a_hostile_description_imported_is_plain_text_and_told(
    acme: TenantInfo, given_to_nh3: list[str], kind: str
) -> None:
    """Fault 29: a cell of a CSV may have 1 MiB."""
    file = f"Handle,Title,Body (HTML),Variant Price\nmug,Mug,{HOSTILE[kind]} soft,10\n".encode()
    with use_tenant(acme):
        report = import_goods(io.BytesIO(file))
        assert [(one["kind"], one["count"]) for one in report.notes.warnings() if one["kind"] == "simplified-text"] == [
            ("simplified-text", 1)
        ]
        stored = Goods.objects.get().description
        assert not is_html(stored)
        assert "soft" in stored
        assert import_goods(io.BytesIO(file)).unchanged == 1


def test_a_view_shows_what_is_stored_without_cleaning_it(
    acme: TenantInfo, client_of: Callable[[TenantInfo], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 29: each stranger's view cleaned the description again."""
    text = (
        '<h1>Care</h1><p>Warm &amp; <a href="/care?x=1&y=2" title="a>b">soft</a><br>x</p><table><td colspan=2>y</table>'
    )
    with use_tenant(acme):
        Goods.objects.create(name="Mug", slug="mug", description=text + "<ul><li>z</ul>" * 500)
        assert is_clean(Goods.objects.get().description)

    def cleaned(*_: Any, **__: Any) -> str:
        raise AssertionError("cleaned at a view")

    monkeypatch.setattr(nh3, "clean", cleaned)
    page = client_of(acme).get("/goods/mug/").text
    assert (
        '<h2>Care</h2><p>Warm &amp; <a href="/care?x=1&amp;y=2" title="a&gt;b" rel="noopener nofollow">soft</a>' in page
    )


@pytest.mark.parametrize(
    "raw", [NESTED, "<p>" * 50_000, "</div></div><p>x</p>", '<p onclick="x">x</p>', '<a href="/" rel="opener">x</a>']
)
def test_a_row_from_before_is_shown_bounded_and_clean(
    acme: TenantInfo, client_of: Callable[[TenantInfo], Client], given_to_nh3: list[str], raw: str
) -> None:
    """Fault 29: rows that are in the database already, or came there past us."""
    with use_tenant(acme):
        Goods.objects.create(name="Mug", slug="mug")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE goods_goods SET description = %s", [raw])
    page = client_of(acme).get("/goods/mug/").text
    prose = page.split('<div class="prose"')[1].split("<dl")[0] if '<div class="prose"' in page else ""
    assert "onclick" not in prose
    assert "opener" not in prose.replace("noopener", "")
    assert prose.count("<div") == max(prose.count("</div>") - 1, 0), "it stays in its place"
    assert depth_of(prose) <= MAX_DEPTH + 1


@given(st.text(alphabet="<>/ abpiul=\"'&;!-\n", max_size=80))
def test_clean_html_has_the_form_that_is_shown_as_it_is(text: str) -> None:
    clean = clean_html(text)
    assert not is_html(clean) or is_clean(clean)
    assert clean_html(clean) == clean


@pytest.mark.parametrize("attack", [*ATTACKS, "<p>x</div>", "<p>x", "<h1>x</h1>", '<a href="java&#115;cript:x">x</a>'])
def test_what_could_do_harm_has_not_the_clean_form(attack: str) -> None:
    assert not is_clean(attack)
    assert is_clean(str(as_markup(attack))) or not is_html(clean_html(attack))


def test_a_search_in_a_text_of_open_brackets_takes_linear_time(acme: TenantInfo, make_sku: Callable[..., Sku]) -> None:
    """Fault 29: a stranger's search took the tags out of every description, by the square of its open brackets."""
    with use_tenant(acme):
        Goods.objects.create(name="Mug", slug="mug", description="<x" * 100_000 + " wool")
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '20s'")  # the square took minutes
        assert [goods.slug for goods in Goods.objects.search("wool")] == ["mug"]


def test_the_summary_of_a_page_reads_the_beginning_alone(
    acme: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    with use_tenant(acme):
        Goods.objects.create(name="Mug", slug="mug", description="<p>Stoneware.</p>" + "<p>x</p>" * 40_000)
    page = client_of(acme).get("/goods/mug/").text
    assert '<meta name="description" content="Stoneware.' in page
    assert plain_text("<p>a</p><p>b</p>") == "a\n\nb"
