"""Descriptions keep their markup and lose what could run, from any source, and also if stored rows contain it."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from shop.goods.importer import import_goods
from shop.goods.models import Goods
from shop.goods.rich_text import as_markup, clean_html, is_html
from tenants import TenantInfo, use_tenant

ATTACKS = [
    "<script>alert(1)</script><p>x</p>",
    "<p onclick=alert(1)>x</p>",
    '<img src=x onerror="alert(1)"><p>x</p>',
    "<svg onload=alert(1)><p>x</p></svg>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" jAvAsCrIpT:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "<iframe src=//evil.example></iframe><p>x</p>",
    '<form action="//evil.example"><input name=password></form><p>x</p>',
    "<style>body{display:none}</style><p>x</p>",
    '<p style="position:fixed;inset:0">x</p>',
    "<p id=content class=wide>x</p>",
    '<base href="//evil.example/"><p>x</p>',
    '<meta http-equiv=refresh content="0;url=//evil.example"><p>x</p>',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<p><noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<scr<script>ipt>alert(1)</script><p>x",
    "<p>x</p><!-- <script>alert(1)</script> -->",
]
DANGEROUS = ("<script", "onclick", "onerror", "onload", "javascript:", "<iframe", "<form", "<style", "style=", "<img")
DANGEROUS += ("<svg", "<base", "<meta", "data:", "id=", "class=", "<!--", "<input")


def harmful(markup: str) -> list[str]:
    return [word for word in DANGEROUS if word in markup.lower()]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_could_run_is_taken_out(attack: str) -> None:
    clean = clean_html(attack)
    assert harmful(clean) == []
    assert clean_html(clean) == clean
    assert harmful(as_markup(attack)) == []


def test_what_a_shop_writes_stays() -> None:
    text = (
        "<p>Warm &amp; <strong>soft</strong>.</p><ul><li>Wool</li></ul>"
        '<table><tbody><tr><td colspan="2">40 °C</td></tr></tbody></table>'
    )
    assert clean_html(text) == text
    link = clean_html('<p><a href="https://a.example/?x=1&y=2" target=_blank>more</a></p>')
    assert link == '<p><a href="https://a.example/?x=1&amp;y=2" rel="noopener nofollow">more</a></p>'
    assert clean_html("<h1>Care</h1><p>x</p>") == "<h2>Care</h2><p>x</p>"


@pytest.mark.parametrize(
    "text",
    ["", "Plain.", "Fish & chips", "I <3 it", "a < b > c", "x<y and z", "Two\n\nparagraphs", "<notatag>", "5<br"],
)
def test_plain_text_is_no_html_and_loses_nothing(text: str) -> None:
    assert not is_html(text)
    assert clean_html(text) == text
    assert "<notatag>" not in as_markup(text)


@given(st.text(alphabet="<>/ abpscriptonload=\"'&;!-\n", max_size=60))
def test_cleaning_twice_is_cleaning_once_and_nothing_gets_past(text: str) -> None:
    clean = clean_html(text)
    assert clean_html(clean) == clean
    assert "<script" not in as_markup(text).lower()
    assert as_markup(clean) == as_markup(text)


@pytest.mark.parametrize("way", ["save", "create", "bulk_create", "update", "bulk_update"])
def test_nothing_that_could_run_is_stored_whichever_way_it_is_saved(acme: TenantInfo, way: str) -> None:
    attack, clean = "<p>x</p><script>alert(1)</script>", "<p>x</p>"
    with use_tenant(acme):
        if way == "bulk_create":
            Goods.objects.bulk_create([Goods(name="Mug", slug="mug", description=attack)])
        else:
            goods = Goods.objects.create(name="Mug", slug="mug", description=attack if way == "create" else "")
            goods.description = attack
            if way == "save":
                goods.save()
                assert goods.description == clean
            elif way == "update":
                Goods.objects.update(description=attack)
            elif way == "bulk_update":
                Goods.objects.bulk_update([goods], ["description"])
        assert Goods.objects.get().description == clean


def test_what_got_into_the_database_past_us_does_not_run_either(acme: TenantInfo) -> None:
    with use_tenant(acme):
        goods = Goods.objects.create(name="Mug", slug="mug")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE goods_goods SET description = '<p>Nice</p><img src=x onerror=alert(1)>'")
    page = Client(HTTP_HOST=acme.host).get(f"/goods/{goods.slug}/").text
    assert "<p>Nice</p>" in page
    assert "onerror" not in page


def test_an_imported_body_keeps_its_markup_and_comes_again_unchanged(acme: TenantInfo) -> None:
    body = "<h1>Care</h1><p>Warm &amp; soft.</p><script>alert(1)</script><ul><li onclick=x>Wool</li></ul>"
    file = f'Handle,Title,Body (HTML),Variant Price\nmug,Mug,"{body}",10\ncup,Cup,Fish &amp; chips,10\n'.encode()
    with use_tenant(acme):
        import_goods(io.BytesIO(file))
        described = dict(Goods.objects.values_list("slug", "description"))
        assert described == {
            "mug": "<h2>Care</h2><p>Warm &amp; soft.</p><ul><li>Wool</li></ul>",
            "cup": "Fish & chips",
        }
        assert import_goods(io.BytesIO(file)).unchanged == 2


def test_search_looks_for_words_and_not_for_tags(acme: TenantInfo) -> None:
    with use_tenant(acme):
        Goods.objects.create(name="Mug", slug="mug", description="<p><strong>Stone</strong>ware</p>")
        assert [goods.slug for goods in Goods.objects.search("stone")] == ["mug"]
        assert not Goods.objects.search("strong").exists()


def test_staff_writes_descriptions_in_an_editor_and_text_stays_text(acme: TenantInfo) -> None:
    staff = Client(HTTP_HOST=acme.host)
    with use_tenant(acme):
        goods = Goods.objects.create(name="Mug", slug="mug", description="I <3 mugs\n\nReally")
        staff.force_login(User.objects.get())
    page = staff.get(f"/admin/goods/goods/{goods.pk}/change/").text
    assert "<trix-editor" in page
    assert "&lt;p&gt;I &amp;lt;3 mugs&lt;/p&gt;" in page
    with use_tenant(acme):
        Goods.objects.update(description='<p><a href="https://a.example" title="&quot;><script>">x</a></p>')
    assert 'value="&lt;p&gt;&lt;a href=&quot;' in staff.get(f"/admin/goods/goods/{goods.pk}/change/").text
