"""Product files of merchants: the result of each, and its report."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from shop.goods.errors import ImportRefused
from shop.goods.importer import ImportReport, import_goods
from shop.goods.models import Category, Goods, Sku
from tenants import TenantInfo, use_tenant
from tests.shop.test_exporter import contents, export
from tests.shop.test_importer import SHIRT, table

FILES = Path(__file__).parent.parent / "data" / "import"


@pytest.fixture
def shop(acme: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(acme):
        yield acme


def take(name: str | bytes, **options: Any) -> ImportReport:
    content = name if isinstance(name, bytes) else (FILES / name).read_bytes()
    return import_goods(io.BytesIO(content), **options)


def kinds(report: ImportReport) -> dict[str, int]:
    return {note["kind"]: note["count"] for note in report.notes.warnings()}


def skus() -> list[tuple[Any, ...]]:
    found = Sku.objects.order_by("goods__slug", "position")
    return list(found.values_list("goods__slug", "code", "stock", "track_stock", "allow_backorders"))


def test_a_repeated_code_is_kept_once_and_told(shop: TenantInfo) -> None:
    """Fault 38: 7 of 12 real exports were refused whole, most for a SKU that is there twice."""
    report = take("duplicate-sku.csv")
    assert (report.created, report.skus) == (2, 3)
    assert [sku[:2] for sku in skus()] == [("cup", ""), ("mug", "MUG-1"), ("mug", "")]
    assert report.notes.warnings() == [
        {
            "kind": "repeated-code",
            "count": 2,
            "detail": "variants whose SKU another variant has, imported without it",
            "lines": [3, 4],
        }
    ]
    assert take("duplicate-sku.csv").unchanged == 2


def test_a_code_that_the_shop_has_elsewhere_is_left_out_and_told(shop: TenantInfo) -> None:
    """Fault 38: the same, with a sku that is in the shop already."""
    take(table({**SHIRT, "Variant SKU": "X-1"}))
    content = table({**SHIRT, "Handle": "socks", "Variant SKU": "X-1"})
    report = take(content)
    assert (report.created, kinds(report)) == (1, {"repeated-code": 1})
    assert [sku[:2] for sku in skus()] == [("shirt", "X-1"), ("socks", "")]
    assert take(content).unchanged == 1


def test_a_code_that_cannot_be_given_stays_where_it_was(shop: TenantInfo) -> None:
    rows = {name: {**SHIRT, "Handle": name, "Variant SKU": f"X-{name}"} for name in ("a", "b", "c")}
    take(table(*rows.values()))
    # `a` wants the code of `c`, which is not in the file; so it keeps its own, which `b` wants.
    report = take(table(rows["a"] | {"Variant SKU": "X-c"}, rows["b"] | {"Variant SKU": "X-a"}))
    assert kinds(report) == {"repeated-code": 2}
    assert [sku[:2] for sku in skus()] == [("a", "X-a"), ("b", "X-b"), ("c", "X-c")]


def test_a_negative_stock_is_none_and_told(shop: TenantInfo) -> None:
    """Fault 38: Shopify sells below 0 and exports what it has sold."""
    report = take("negative-stock.csv")
    assert (report.created, kinds(report)) == (1, {"negative-stock": 1})
    assert skus() == [("mug", "", 0, True, False), ("mug", "", 4, True, True)]


def test_a_negative_stock_with_back_orders_is_what_is_owed(shop: TenantInfo) -> None:
    report = take(table({**SHIRT, "Variant Inventory Qty": "-3", "Variant Inventory Policy": "continue"}))
    assert (kinds(report), skus()) == ({}, [("shirt", "", -3, True, True)])
    before = contents()
    assert import_goods(io.BytesIO(export())).unchanged == 1
    assert contents() == before
    report = take(b"Handle,Variant Inventory Policy\nshirt,deny\n")
    assert (kinds(report), skus()) == ({"negative-stock": 1}, [("shirt", "", 0, True, False)])


def test_an_untracked_sku_is_for_sale_and_told(shop: TenantInfo) -> None:
    """Fault 39: an empty `Variant Inventory Tracker` means not tracked, always for sale."""
    report = take("untracked.csv")
    assert (skus(), kinds(report)) == ([("poster", "", 0, False, False)], {"not-tracked": 1})
    assert Sku.objects.get().is_in_stock


def test_a_file_without_quantities_says_what_is_not_for_sale(shop: TenantInfo) -> None:
    """Fault 39: exports of shops with several locations have no column of quantities."""
    report = take("several-locations.csv")
    assert (skus(), kinds(report)) == ([("lamp", "", 0, True, False)], {"no-quantity": 1})
    assert any("imported with stock 0" in sentence for sentence in report.sentences())
    Sku.objects.update(stock=8)
    assert (take("several-locations.csv").unchanged, skus()[0][2]) == (1, 8), "what the file does not say stays"


def test_an_inventory_file_adds_up_the_locations(shop: TenantInfo) -> None:
    take("several-locations.csv")
    header = "Handle,Title,Option1 Name,Option1 Value,SKU,Location,Available (not editable),On hand (current)\n"
    rows = "".join(f"lamp,Lamp,Title,Default Title,,{place},1,{count}\n" for place, count in (("A", 3), ("B", 4)))
    report = take(f"{header}{rows}lamp,Lamp,Title,Default Title,,C,not stocked,not stocked\n".encode())
    assert (report.updated, kinds(report)["summed-stock"], skus()[0][2]) == (1, 2, 2)


def test_the_column_names_of_today_are_taken(shop: TenantInfo) -> None:
    """Fault 40: `URL handle`, `SKU`, `Price` and the others were refused, and so was the status `Unlisted`."""
    report = take("current-column-names.csv")
    assert (report.created, report.skus, report.pictures) == (2, 3, 1)
    shirt = Goods.objects.get(slug="linen-shirt")
    assert (shirt.option_names, shirt.is_published, shirt.description) == (["Size"], True, "<p>Soft &amp; light.</p>")
    assert [(sku.title, sku.code, sku.price, sku.weight_grams) for sku in shirt.skus.all()] == [
        ("S", "LS-S", Decimal(39), 211), ("M", "LS-M", Decimal(39), 0),
    ]  # fmt: skip
    assert shirt.pictures.get().url == "https://cdn.example.com/shirt.png"
    assert not Goods.objects.get(slug="old-cap").is_published
    assert kinds(report) == {"completed-address": 1, "not-published": 1, "not-tracked": 2, "rounded-weight": 1}
    assert report.notes.columns() == [
        {"column": "Cost per item", "count": 1},
        {"column": "Gift card", "count": 1},
        {"column": "SEO title", "count": 1},
    ]
    assert take("current-column-names.csv").unchanged == 2


@pytest.mark.parametrize("policy", ["DENY", "CONTINUE", "TRUE", "FALSE", "deny", ""])
def test_the_policy_is_taken_in_the_words_of_both_generations(shop: TenantInfo, policy: str) -> None:
    header = "URL handle,Title,Price,Inventory tracker,Inventory quantity,Continue selling when out of stock\n"
    take(f"{header}mug,Mug,5,shopify,0,{policy}\n".encode())
    assert Sku.objects.get().allow_backorders is (policy in {"CONTINUE", "TRUE"})


def test_a_file_of_stock_alone_changes_stock_alone(shop: TenantInfo) -> None:
    """Fault 40: a file of stock alone wanted a price."""
    with pytest.raises(ImportRefused, match=r"Line 2.*'mug' \(S\) is new.*Import the products first"):
        take("stock-only.csv")
    take("duplicate-sku.csv")
    Goods.objects.update(is_published=False)
    before = contents()
    report = take("stock-only.csv")
    assert (report.created, report.updated) == (0, 1)
    after = contents()
    assert [row for row in before if row not in after] == [before[1]]
    before[1][2][0]["stock"] = 9
    assert after == before


def test_a_file_of_stock_finds_skus_by_their_codes(shop: TenantInfo) -> None:
    take("current-column-names.csv")
    report = take(b"URL handle,SKU,Inventory quantity\nlinen-shirt,LS-M,8\nlinen-shirt,LS-S,2\nold-cap,,4\n")
    assert (report.updated, [sku[2] for sku in skus()]) == (2, [2, 8, 4])
    assert Goods.objects.get(slug="linen-shirt").option_names == ["Size"]
    with pytest.raises(ImportRefused, match="Line 2.*no price"):
        take(b"URL handle,SKU,Inventory quantity\nlinen-shirt,LS-X,8\n")
    with pytest.raises(ImportRefused, match="Line 2.*no options"):
        take(b"URL handle,SKU,Price\nlinen-shirt,LS-X,8\n")


def test_tags_make_no_categories(shop: TenantInfo) -> None:
    """Fault 41: an empty type made the first tag the category: 86 of them, such as “1989”."""
    take("tags-without-type.csv")
    assert not Category.objects.exists()
    assert Goods.objects.get(slug="bowl").tags == ["1989", "sale", "5_new"]
    assert b"1989" not in b"".join(export().split(b'"1989, sale, 5_new"'))


def test_a_product_category_is_used_where_there_is_no_type(shop: TenantInfo) -> None:
    """Fault 41: `Product Category` was ignored."""
    header = [*SHIRT, "Type", "Product Category"]
    path = "Apparel & Accessories > Clothing > Shirts"
    rows = [{**SHIRT, "Product Category": path}, {**SHIRT, "Handle": "b", "Product Category": path, "Type": "Own"}]
    report = take(table(*rows, header=header))
    assert {one.slug: one.category.name for one in Goods.objects.select_related("category") if one.category} == {
        "shirt": "Shirts", "b": "Own",
    }  # fmt: skip
    assert kinds(report) == {"taxonomy-category": 1}


def test_types_without_a_letter_stay_apart(shop: TenantInfo) -> None:
    """Fault 41: all of them became the category of the last one."""
    content = table(
        {**SHIRT, "Type": "🎉"}, {**SHIRT, "Handle": "cup", "Type": "☂"}, {**SHIRT, "Handle": "mug", "Type": "☂"}
    )
    take(content)
    names = Goods.objects.order_by("slug").values_list("slug", "category__name")
    assert list(names) == [("cup", "☂"), ("mug", "☂"), ("shirt", "🎉")]
    assert take(content).unchanged == take(export()).unchanged == 3


def test_goods_stay_in_their_category_of_two_with_one_name(shop: TenantInfo) -> None:
    Category.objects.create(name="Shirts", slug="shirts")
    other = Category.objects.create(name="Shirts", slug="shirts-2")
    take(table(SHIRT))
    Goods.objects.update(category=other)
    assert take(export()).unchanged == 1
    assert Goods.objects.get().category == other


def test_a_plain_text_keeps_its_lines(shop: TenantInfo) -> None:
    """Fault 42: plain texts with `&` or `<` lost their line breaks."""
    take("plain-text-body.csv")
    assert Goods.objects.get().description.splitlines() == ["Soft wool.", "", "Wash at 30.", "Salt & pepper"]
    assert take("plain-text-body.csv").unchanged == 1
    assert take(export()).unchanged == 1


@pytest.mark.parametrize(
    "text",
    [
        "a < b\nc",
        "Fish & chips\n\n<3",
        "&lt;b&gt; is bold\nnow",
        "5 &amp; 6",
        "<notatag>\nx",
        "x<y\r\ny",
        "<!--",
        "&#9;",
    ],
)
def test_a_plain_text_is_exported_and_imported_as_it_is(shop: TenantInfo, text: str) -> None:
    take(table(SHIRT))
    Goods.objects.update(description=text)
    assert take(export()).unchanged == 1
    assert Goods.objects.get().description == text


def test_what_is_left_out_is_named_with_counts(shop: TenantInfo) -> None:
    """Fault 42: images of variants, SEO, cost, metafields and pictures in texts went without a word."""
    more = {
        "Variant Image": "https://a.example/v.png",
        "SEO Title": "Buy",
        "Cost per item": "12.00",
        "Material (product.metafields.shopify.material)": "wool",
        "Body (HTML)": '<p>x<img src="https://a.example/1.png"><iframe src="//b"></iframe></p>',
    }
    header = [*SHIRT, *more, "SEO Description", "Status"]
    report = take(table({**SHIRT, **more, "Status": "draft"}, header=header))
    assert {one["column"]: one["count"] for one in report.notes.columns()} == dict.fromkeys(list(more)[:4], 1)
    assert kinds(report) == {"picture-in-text": 2, "not-published": 1}
    said = "\n".join(report.sentences())
    assert "Left out: Variant Image (1), SEO Title (1), Cost per item (1), Material (product.metaf" in said


def test_the_report_of_a_dry_run_is_that_of_the_run(shop: TenantInfo) -> None:
    """Fault 42: the report is the same in both, in text and as JSON."""
    dry, done = take("current-column-names.csv", dry_run=True), take("current-column-names.csv")
    assert dry.as_json() == done.as_json()
    assert json.loads(json.dumps(done.as_json())) == done.as_json()
    assert not any(dry.as_json()[name] is None for name in ("format", "warnings", "left_out"))


def test_the_command_prints_the_report_in_text_and_json(acme: TenantInfo, capsys: pytest.CaptureFixture[str]) -> None:
    """Fault 42: what is ignored is named where the import is made."""
    file = str(FILES / "current-column-names.csv")
    call_command("import_goods", "acme", file, dry_run=True)
    said = capsys.readouterr().out
    assert "Weights with a fraction of a gram, rounded to whole grams: 1 (line 2)." in said
    assert "Left out: Cost per item (1), Gift card (1), SEO title (1)." in said
    call_command("import_goods", "acme", file, json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["created"], told["dry_run"], told["format"]) == (2, False, "Shopify, CSV, UTF-8, separated by comma")
    assert {one["kind"] for one in told["warnings"]} >= {"rounded-weight", "not-published"}


def test_a_refusal_says_what_would_be_left_out_as_well(acme: TenantInfo, tmp_path: Path) -> None:
    """Fault 38: a dry run says both, what stands against the file and what would be changed."""
    file = tmp_path / "bad.csv"
    file.write_bytes(table(SHIRT, {**SHIRT, "Handle": "b", "Variant Price": "?"}, header=[*SHIRT, "Status"]).replace(
        b",3,\n", b",3,draft\n", 1))  # fmt: skip
    with pytest.raises(CommandError) as refused:
        call_command("import_goods", "acme", str(file), dry_run=True)
    assert "Line 3, column 'Variant Price': '?'" in str(refused.value)
    assert "imported as unpublished: 1 (line 2)" in str(refused.value)


def test_skus_keep_their_positions_where_their_order_stays(shop: TenantInfo) -> None:
    sizes = [{**SHIRT, "Option1 Name": "Size", "Option1 Value": size} for size in "SML"]
    take(table(*sizes, header=[*SHIRT, "Option1 Name", "Option1 Value"]))
    Sku.objects.update(position=0)  # as the API begins
    assert take(export()).unchanged == 1
    backwards = [sizes[0], *reversed(sizes[1:])]
    assert take(table(*backwards, header=[*SHIRT, "Option1 Name", "Option1 Value"])).updated == 1
    assert [sku.title for sku in Goods.objects.get().skus.all()] == ["S", "L", "M"]


def test_problems_of_later_batches_are_counted_too(shop: TenantInfo) -> None:
    """Fault 38: the total is that of the file, however long it is."""
    rows = "".join(f"goods-{number},3\n" for number in range(5_000))
    with pytest.raises(ImportRefused) as refused:
        take(f"Handle,Variant Inventory Qty\n{rows}".encode())
    assert str(refused.value).splitlines()[-1] == "9980 more errors, 10000 in total."


def test_numbers_that_no_column_holds_are_refused(shop: TenantInfo) -> None:
    take("several-locations.csv")
    header = "Handle,Option1 Value,Location,Available\n"
    with pytest.raises(ImportRefused, match="Line 3, column 'Variant Inventory Qty'.*more than"):
        take(f"{header}lamp,,A,2147483647\nlamp,,B,2147483647\n".encode())
    woo = "Type,Name,Regular price,Weight (kg)\nsimple,Cup,5,99999999\n"
    with pytest.raises(ImportRefused, match="Line 2, column 'Weight'.*more than"):
        take(woo.encode())
