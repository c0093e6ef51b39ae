"""An export can be imported again: the same goods, and nothing twice."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.goods.csv_cells import added_columns, columns_of
from shop.goods.errors import ImportRefused
from shop.goods.exporter import export_goods
from shop.goods.importer import import_goods
from shop.goods.models import Category, Goods, Picture, Sku
from shop.variants.customer_a import models as customer_a
from shop.variants.grocer import models as grocer
from tenants import TenantInfo, use_tenant
from tenants.variants import resolve


def export() -> bytes:
    return "".join(export_goods(address=lambda url: f"http://acme.localhost:8000{url}")).encode()


def rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode())))


def contents() -> list[Any]:
    """Return what the shop has, without ids and times."""
    leave = {"id", "created_at", "updated_at", "goods", "category", "goods_ptr", "sku_ptr", "file"}

    def values(row: Any) -> dict[str, Any]:
        return {f.name: getattr(row, f.name) for f in row._meta.concrete_fields if f.name not in leave}

    return [
        (
            values(goods),
            goods.category and goods.category.slug,
            [values(sku) for sku in resolve("goods.models.Sku").objects.filter(goods=goods.pk).order_by("position")],
            [(values(picture), picture.file.name) for picture in goods.pictures.all()],
        )
        for goods in resolve("goods.models.Goods").objects.order_by("slug")
    ]


def fill() -> None:
    shirts = Category.objects.create(name="Shirts & more", slug="our-shirts")
    goods = Goods.objects.create(
        name='The "blue" shirt', slug="shirt", description="Linen & wool,\n<b>no</b> iron.", vendor="Weavers",
        category=shirts, tags=["new", "summer"], option_names=["Size", "Colour"], is_published=False,
    )  # fmt: skip
    for position, size in enumerate(["S", "L"], start=1):
        Sku.objects.create(
            goods=goods, code=f"'S-{size}", option_values=[size, "Blue"], price=Decimal("49.50"), position=position,
            compare_at_price=Decimal("60.00") if size == "S" else None, stock=3, weight_grams=200, barcode="0123",
        )  # fmt: skip
    plain = Goods.objects.create(name="Cup", slug="cup", description="Plain text.\n\nTwo paragraphs.")
    Sku.objects.create(goods=plain, price=Decimal("5.00"), stock=1, position=1)
    Picture.objects.create(goods=plain, source_url="https://cdn.example.com/cup.jpg", alt="A cup", position=1)
    uploaded = Picture(goods=plain, alt="From the side", position=2)
    uploaded.file.save("side.webp", ContentFile(b"RIFF"))


def test_an_export_is_read_as_what_is_there_already(acme: TenantInfo) -> None:
    with use_tenant(acme):
        fill()
        before = contents()
        report = import_goods(io.BytesIO(export()))
        assert (report.created, report.updated, report.unchanged, report.skus, report.pictures) == (0, 0, 2, 3, 2)
        assert contents() == before


def test_another_shop_gets_the_same_goods(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        fill()
        file, there = export(), contents()
    with use_tenant(globex):
        assert import_goods(io.BytesIO(file)).created == 2
        here = contents()
    for (mine, _, my_skus, _), (theirs, _, their_skus, _) in zip(there, here, strict=True):
        assert (mine, my_skus) == (theirs, their_skus)
    (_, (_, uploaded)), (_, (told, _)) = there[0][3], here[0][3]
    assert told["source_url"] == f"http://acme.localhost:8000/media/{uploaded}", "where another shop finds the file"


_LINE = st.text(alphabet="aé한 ,;\"'=+-@<>&\\\t\n\r|", min_size=1, max_size=12).filter(lambda text: text.strip())
_WORDS = _LINE.map(str.strip)


@given(
    names=st.lists(_WORDS, min_size=1, max_size=3),
    tags=st.lists(_WORDS, max_size=3, unique=True),
    options=st.lists(_WORDS, max_size=5),
    text=st.text(alphabet="ab&<>;\n \"'=/p", max_size=30).map(str.strip),
    stock=st.integers(-5, 5),
    notions=st.tuples(st.booleans(), st.booleans()),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_goods_are_exported_and_imported_as_they_are(
    acme: TenantInfo,
    names: list[str],
    tags: list[str],
    options: list[str],
    text: str,
    stock: int,
    notions: tuple[bool, bool],
) -> None:
    """Fault 42: an export read back is what was there."""
    with use_tenant(acme), transaction.atomic():
        for number, name in enumerate(names):
            goods = Goods.objects.create(
                name=name, slug=f"g-{number}", vendor=name, tags=tags, option_names=options, description=text
            )
            held = max(stock, 0) or stock * all(notions)
            for place, code in enumerate(names if options else names[:1]):
                Sku.objects.create(
                    goods=goods, code=f"{code}{number}{place}", barcode=code, price=5, stock=held, position=7 - place,
                    option_values=[f"{place}{option}" for option in options], track_stock=notions[0],
                    allow_backorders=notions[1],
                )  # fmt: skip
            Picture.objects.create(goods=goods, source_url=f"https://a.example/{number}.png", alt=name, position=3)
        before = contents()
        report = import_goods(io.BytesIO(export()))
        assert (report.unchanged, report.updated, report.created) == (len(names), 0, 0), report.sentences()
        assert contents() == before
        transaction.set_rollback(True)


def test_goods_with_many_options_are_exported_with_all_of_them(acme: TenantInfo) -> None:
    with use_tenant(acme):
        goods = Goods.objects.create(name="Set", slug="set", option_names=[f"o{n}" for n in range(5)])
        for size in "SL":
            Sku.objects.create(goods=goods, price=5, option_values=[*"abcd", size])
        first = rows(export())[0]
        assert (first["Option5 Name"], first["Option5 Value"]) == ("o4", "S")
        assert import_goods(io.BytesIO(export())).unchanged == 1


def test_fields_that_a_variant_adds_have_columns_unasked() -> None:
    """Fault 42: a variant's fields were dropped by the export if it named no columns for them."""
    assert {name: field for name, (field, _) in added_columns(customer_a.Goods, Goods, {}).items()} == {
        "Category Code": "category_code", "Vendor Code": "vendor_code", "Tax Rate": "tax_rate",
    }  # fmt: skip
    assert list(added_columns(grocer.Sku, Sku, {})) == ["Best Before"]
    declared = columns_of(customer_a.Goods, category_code="Own", vendor_code="Vendor No.")
    assert list(added_columns(customer_a.Goods, Goods, declared)) == ["Tax Rate"]
    assert added_columns(Goods, Goods, {}) == {}


def test_prices_are_written_as_the_currency_has_them(initech: TenantInfo) -> None:
    with use_tenant(initech):
        goods = Goods.objects.create(name="컵", slug="컵")
        Sku.objects.create(goods=goods, price=Decimal(5000))
        (row,) = rows(export())
        assert (row["Handle"], row["Variant Price"], row["Variant Compare At Price"]) == ("컵", "5000", "")


def test_goods_without_skus_are_left_out(acme: TenantInfo) -> None:
    with use_tenant(acme):
        Goods.objects.create(name="Idea", slug="idea")
        assert rows(export()) == []


def test_the_queries_are_as_many_for_any_number_of_goods(
    acme: TenantInfo, make_sku: Callable[..., Sku], django_assert_num_queries: Callable[..., Any]
) -> None:
    with use_tenant(acme):
        for number in (1, 5):
            for _ in range(number):
                make_sku()
            with django_assert_num_queries(4):
                export()


def test_a_variants_columns_are_exported_and_imported(shop_of: Callable[..., TenantInfo]) -> None:
    with use_tenant(shop_of("customer_a")):
        lamp = customer_a.Goods.objects.create(name="Lamp", slug="lamp", category_code="L-7", tax_rate="0.05")
        Sku.objects.create(goods=lamp, price=Decimal("10.00"))
        file = export()
        (row,) = rows(file)
        assert (row["Category Code"], row["Vendor Code"], row["Tax Rate"], row["Variant Price"]) == (
            "L-7", "", "0.05", "10.00",
        )  # fmt: skip
        changed = file.replace(b"L-7", b"L-8").replace(b"0.05", b"")
        assert import_goods(io.BytesIO(changed)).updated == 1
        lamp.refresh_from_db()
        assert (lamp.category_code, lamp.tax_rate) == ("L-8", Decimal("0.05")), "an empty rate says nothing"
        new = changed.replace(b"lamp", b"lamp-2")
        assert import_goods(io.BytesIO(new)).created == 1
        made = customer_a.Goods.objects.get(slug="lamp-2")
        assert (made.category_code, made.tax_rate, made.skus.get().price) == ("L-8", Decimal("0.1"), Decimal("10.00"))


def test_a_variants_columns_of_skus_are_exported_and_imported(shop_of: Callable[..., TenantInfo]) -> None:
    with use_tenant(shop_of("grocer")):
        ham = grocer.Goods.objects.create(name="Ham", slug="ham", sold_by_weight=True)
        grocer.Sku.objects.create(goods=ham, price=Decimal("20.00"), best_before="2031-02-03", position=1)
        file = export()
        (row,) = rows(file)
        assert (row["Sold By Weight"], row["Best Before"]) == ("true", "2031-02-03")
        assert import_goods(io.BytesIO(file)).unchanged == 1
        assert import_goods(io.BytesIO(file.replace(b"ham", b"egg").replace(b"2031-02-03", b""))).created == 1
        egg = grocer.Sku.objects.get(goods__slug="egg")
        assert (egg.best_before, egg.price) == (None, Decimal("20.00"))
        assert import_goods(io.BytesIO(file.replace(b"2031-02-03", b"2031-02-04"))).updated == 1
        assert str(grocer.Sku.objects.get(goods=ham.pk).best_before) == "2031-02-04"


@pytest.mark.parametrize(("cell", "said"), [(b"much", "Tax Rate"), (b"1.5", "less than or equal to 1")])
def test_a_cell_that_a_variants_field_does_not_take_is_refused(
    shop_of: Callable[..., TenantInfo], cell: bytes, said: str
) -> None:
    with use_tenant(shop_of("customer_a")):
        file = b"Handle,Title,Variant Price,Tax Rate\nlamp,Lamp,10.00," + cell + b"\n"
        with pytest.raises(ImportRefused, match=said):
            import_goods(io.BytesIO(file))
        assert not Goods.objects.exists()


def test_the_admin_sends_the_chosen_goods(
    acme: TenantInfo, client_of: Callable[..., Client], make_sku: Callable[..., Sku]
) -> None:
    client = client_of(acme)
    with use_tenant(acme):
        chosen, _ = make_sku().goods, make_sku()
        client.force_login(User.objects.get())
    answer = client.post("/admin/goods/goods/", {"action": "export", "_selected_action": [chosen.pk]})
    assert answer["Content-Disposition"] == 'attachment; filename="acme-goods.csv"'
    assert [row["Handle"] for row in rows(b"".join(answer.streaming_content))] == [chosen.slug]


def test_the_command_writes_a_file(acme: TenantInfo, make_sku: Callable[..., Sku], tmp_path: Path) -> None:
    with use_tenant(acme):
        goods = make_sku().goods
    call_command("export_goods", "acme", str(tmp_path / "goods.csv"))
    assert [row["Handle"] for row in rows((tmp_path / "goods.csv").read_bytes())] == [goods.slug]
