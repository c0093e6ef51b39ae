"""Product files of WooCommerce and Cafe24: what their rows become."""

from __future__ import annotations

import csv
import gc
import io
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from shop.goods.errors import ImportRefused
from shop.goods.importer import ImportReport, import_goods
from shop.goods.models import Goods, Sku
from tenants import TenantInfo, use_tenant
from tests.shop.test_exporter import contents
from tests.shop.test_import_files import xlsx

WOO = [
    "ID", "Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Is featured?", "Visibility in catalog",
    "Short description", "Description", "Date sale price starts", "Date sale price ends", "Tax status", "Tax class",
    "In stock?", "Stock", "Low stock amount", "Backorders allowed?", "Sold individually?", "Weight (kg)", "Length (cm)",
    "Width (cm)", "Height (cm)", "Allow customer reviews?", "Purchase note", "Sale price", "Regular price",
    "Categories", "Tags", "Shipping class", "Images", "Download limit", "Download expiry days", "Parent",
    "Grouped products", "Upsells", "Cross-sells", "External URL", "Button text", "Position", "Brands",
    "Attribute 1 name", "Attribute 1 value(s)", "Attribute 1 visible", "Attribute 1 global", "Attribute 2 name",
    "Attribute 2 value(s)", "Attribute 2 visible", "Attribute 2 global",
]  # fmt: skip
CAFE24 = [
    "상품코드", "자체 상품코드", "진열상태", "판매상태", "상품분류 번호", "상품명", "영문 상품명", "상품 요약설명",
    "상품 간략설명", "상품 상세설명", "검색어설정", "과세구분", "소비자가", "공급가", "상품가", "판매가", "옵션사용",
    "품목 구성방식", "옵션 표시방식", "옵션세트명", "옵션입력", "필수여부", "이미지등록(상세)", "이미지등록(목록)",
    "이미지등록(추가)", "제조사", "공급사", "브랜드", "상품 전체중량(kg)", "메모",
]  # fmt: skip
CUP = {"Type": "simple", "ID": "7", "Name": "Cup", "Published": "1", "In stock?": "1", "Regular price": "12.00"}


@pytest.fixture
def shop(acme: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(acme):
        yield acme


@pytest.fixture
def won_shop(initech: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(initech):
        yield initech


def table(header: list[str], *rows: dict[str, str]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def woo(*rows: dict[str, str]) -> ImportReport:
    return import_goods(io.BytesIO(table(WOO, *rows)))


def kinds(report: ImportReport) -> dict[str, int]:
    return {note["kind"]: note["count"] for note in report.notes.warnings()}


def stock(**where: Any) -> list[tuple[Any, ...]]:
    return list(Sku.objects.filter(**where).values_list("stock", "track_stock", "allow_backorders"))


# --- WooCommerce


def test_a_variable_product_of_woocommerce_becomes_goods_with_skus(shop: TenantInfo) -> None:
    """Fault 42: WooCommerce's file got a list of missing columns and no way on."""
    shirt = {
        "ID": "10",
        "Type": "variable",
        "SKU": "shirt",
        "Name": "Logo Shirt",
        "Published": "1",
        "Visibility in catalog": "visible",
        "Short description": "Short",
        "Description": "Soft &amp; light.\\nWash at 30.",
        "In stock?": "1",
        "Categories": "Clothing > Shirts, Sale",
        "Tags": "new, wool",
        "Brands": "Weavers",
        "Weight (kg)": "0.2105",
        "Images": "https://a.example/1.jpg, https://a.example/2.jpg, local.jpg",
        "Attribute 1 name": "Color",
        "Attribute 1 value(s)": "Blue, Red",
        "Attribute 2 name": "Material",
        "Attribute 2 value(s)": "Wool",
    }
    blue = {
        "ID": "12",
        "Type": "variation",
        "SKU": "shirt-blue",
        "Parent": "shirt",
        "Regular price": "45",
        "In stock?": "1",
        "Stock": "'-3",
        "Backorders allowed?": "notify",
        "Position": "2",
        "Attribute 1 name": "Color",
        "Attribute 1 value(s)": "Blue",
    }
    red = blue | {
        "ID": "13", "SKU": "shirt-red", "Parent": "id:10", "Stock": "", "Sale price": "42.50", "Position": "1",
        "Attribute 1 value(s)": "Red", "GTIN, UPC, EAN, or ISBN": "0123",
    }  # fmt: skip
    content = table(WOO, blue, CUP, red, shirt)  # in any order
    report = import_goods(io.BytesIO(content))
    assert (report.created, report.skus, report.pictures) == (2, 3, 2)
    assert report.form == "WooCommerce, CSV, UTF-8, separated by comma"
    goods = Goods.objects.get(slug="logo-shirt")
    assert (goods.vendor, goods.tags, goods.option_names, goods.is_published) == (
        "Weavers",
        ["new", "wool"],
        ["Color"],
        True,
    )
    assert (goods.description, goods.category.name) == ("Soft & light.\nWash at 30.", "Shirts")
    found = goods.skus.values_list(
        "code", "option_values", "price", "compare_at_price", "stock", "weight_grams", "barcode"
    )
    assert list(found) == [
        ("shirt-red", ["Red"], Decimal("42.5"), Decimal(45), 0, 211, "0123"),
        ("shirt-blue", ["Blue"], Decimal(45), None, -3, 211, ""),
    ]
    assert stock(goods=goods) == [(0, False, False), (-3, True, True)]
    assert kinds(report) == {
        "left-out-picture": 1, "more-categories": 1, "not-tracked": 2, "rounded-weight": 2, "short-text": 1,
    }  # fmt: skip
    assert {one["column"] for one in report.notes.columns()} == set()
    before = contents()
    assert import_goods(io.BytesIO(content)).unchanged == 2
    assert contents() == before


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"In stock?": "1", "Stock": ""}, (0, False, False)),
        ({"In stock?": "0", "Stock": ""}, (0, True, False)),
        ({"In stock?": "1", "Stock": "5"}, (5, True, False)),
        ({"In stock?": "backorder", "Stock": "-2", "Backorders allowed?": "1"}, (-2, True, True)),
        ({"In stock?": "0", "Stock": "-2", "Backorders allowed?": "0"}, (0, True, False)),
        ({"In stock?": "1", "Stock": "2.5"}, (2, True, False)),
    ],
)
def test_the_stock_of_woocommerce_is_taken_as_it_means(
    shop: TenantInfo, cells: dict[str, str], expected: tuple[Any, ...]
) -> None:
    woo(CUP | cells)
    assert stock() == [expected]


def test_a_stock_shared_by_variations_is_told(shop: TenantInfo) -> None:
    shirt = CUP | {
        "Type": "variable",
        "SKU": "s",
        "Stock": "4",
        "Attribute 1 name": "Size",
        "Attribute 1 value(s)": "S, L",
    }
    sizes = [
        {"Type": "variation", "Parent": "s", "Stock": said, "Regular price": "5", "In stock?": "1",
         "Attribute 1 name": "Size", "Attribute 1 value(s)": size}
        for size, said in (("S", "parent"), ("L", ""))
    ]  # fmt: skip
    report = woo(shirt, *sizes)
    assert (kinds(report), stock()) == ({"shared-stock": 2}, [(4, True, False), (4, True, False)])


@pytest.mark.parametrize(
    ("starts", "ends", "price"), [("", "", 9), (-3, 3, 9), ("", -1, 12), (1, "", 12), ("", 0, 9), (0, "", 9)]
)
def test_a_sale_counts_in_its_days_alone(shop: TenantInfo, starts: Any, ends: Any, price: int) -> None:
    def day(offset: Any) -> str:
        return "" if offset == "" else f"{timezone.localdate() + timedelta(days=offset)} 00:00:00"

    woo(CUP | {"Sale price": "9", "Date sale price starts": day(starts), "Date sale price ends": day(ends)})
    assert (Sku.objects.get().price, Sku.objects.get().compare_at_price) == (price, 12 if price == 9 else None)


def test_what_woocommerce_has_and_a_shop_has_not_is_told(shop: TenantInfo) -> None:
    report = woo(
        CUP | {"SKU": "X", "Upsells": "y"},
        CUP | {"ID": "8", "SKU": "X"},  # of the same name, with the same code
        CUP | {"Name": "Set", "Type": "grouped"},
        CUP | {"Name": "Elsewhere", "Type": "external"},
        CUP | {"Name": "Free", "Regular price": ""},
        CUP | {"Name": "Draft", "Published": "-1"},
        CUP | {"Name": "Hidden", "Visibility in catalog": "hidden"},
        {"Type": "variation", "Parent": "gone", "Regular price": "5"},
        CUP | {"Name": "Any", "Type": "variable", "SKU": "any", "Attribute 1 name": "Size"},
        {"Type": "variation", "Parent": "any", "Regular price": "5", "In stock?": "1", "Attribute 1 name": "Size"},
        {"Type": "variation", "Parent": "any", "Regular price": "6", "In stock?": "1", "Attribute 1 name": "Size",
         "Attribute 1 value(s)": "S"},
        {"Type": "variation", "Parent": "any", "Regular price": "7", "In stock?": "1", "Attribute 1 name": "Size",
         "Attribute 1 value(s)": "S"},
    )  # fmt: skip
    told = {"alike-sku": 1, "any-value": 1, "left-out-type": 2, "no-parent": 1, "no-price": 1, "not-published": 2}
    assert kinds(report) == {**told, "not-tracked": 6, "repeated-code": 1}
    assert sorted(Goods.objects.values_list("slug", flat=True)) == ["any", "cup", "cup-x", "draft", "hidden"]
    assert report.notes.columns() == [{"column": "Upsells", "count": 1}]
    assert [sku.title for sku in Goods.objects.get(slug="any").skus.all()] == ["Any", "S"]


@pytest.mark.parametrize(("written", "grams"), [(".5", 500), ("0,125", 125), ("1.", 1000), ("1,5", 1500)])
def test_a_weight_of_woocommerce_is_taken_as_it_is_written(shop: TenantInfo, written: str, grams: int) -> None:
    """Fault 42: WooCommerce's own sample has weights of `.5`, and was refused whole."""
    woo({**CUP, "Weight (kg)": written})
    assert Sku.objects.get().weight_grams == grams


def test_a_bad_cell_of_woocommerce_is_named_by_line_and_column(shop: TenantInfo) -> None:
    with pytest.raises(ImportRefused) as refused:
        woo(CUP, CUP | {"Regular price": "much"}, CUP | {"Stock": "many"}, CUP | {"Name": ""})
    assert [str(one).split(":")[0] for one in refused.value.problems] == [
        "Line 3, column 'Regular price'", "Line 4, column 'Stock'", "Line 5, column 'Name'",
    ]  # fmt: skip
    assert not Goods.objects.exists()


def test_a_long_file_of_woocommerce_takes_no_more_memory(shop: TenantInfo) -> None:
    """Variations may stand anywhere: the rows wait in a temporary file, and not in memory."""

    def peak(count: int) -> int:
        rows = [CUP | {"ID": str(n), "Name": f"Cup {n}", "Description": "x" * 10_000} for n in range(count)]
        source = io.BytesIO(table(WOO, *rows))
        gc.collect()
        threshold = gc.get_threshold()
        gc.set_threshold(700, 10, 10)  # Python's own; the tests' is larger, and what waits for it counts here
        tracemalloc.start()
        try:
            assert import_goods(source, dry_run=True).created == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            gc.set_threshold(*threshold)

    peak(10)
    assert peak(400) < 1.3 * peak(120)


# --- Cafe24


BLOUSE = {
    "상품코드": "P00000BA",
    "자체 상품코드": "BL-1",
    "진열상태": "Y",
    "판매상태": "Y",
    "상품분류 번호": "24",
    "상품명": "린넨 블라우스",
    "상품 간략설명": "간략",
    "상품 상세설명": '<p>부드러운 린넨.</p><img src="//ecimg.example/1.jpg">',
    "검색어설정": "여름,린넨",
    "소비자가": "59000.00",
    "공급가": "20000.00",
    "판매가": "39,000",
    "옵션사용": "Y",
    "품목 구성방식": "T",
    "옵션입력": "색상{블랙|화이트}//사이즈{S|M}",
    "이미지등록(상세)": "//ecimg.example/main.jpg",
    "이미지등록(추가)": "https://ecimg.example/2.jpg|20250101/3.jpg",
    "제조사": "M0000000",
    "상품 전체중량(kg)": "0.25",
    "메모": "x",
}
SOCKS = {
    "상품코드": "P00000BB",
    "자체 상품코드": "SO-1",
    "진열상태": "Y",
    "판매상태": "N",
    "상품명": "양말",
    "판매가": "5000.00",
    "옵션사용": "N",
}


@pytest.mark.parametrize("form", ["cp949", "utf-8-sig", "xlsx"])
def test_a_file_of_cafe24_becomes_goods_with_skus(won_shop: TenantInfo, form: str) -> None:
    """Fault 42: Cafe24's file got a list of missing columns and no way on, in CSV and XLSX."""
    if form == "xlsx":
        content = xlsx(CAFE24, *([row.get(name) for name in CAFE24] for row in (BLOUSE, SOCKS)))
    else:
        content = table(CAFE24, BLOUSE, SOCKS).decode("utf-8-sig").encode(form)
    report = import_goods(io.BytesIO(content))
    assert (report.created, report.skus, report.pictures, report.form[:6]) == (2, 5, 2, "Cafe24")
    goods = Goods.objects.get(slug="린넨-블라우스")
    assert (goods.name, goods.tags, goods.option_names) == ("린넨 블라우스", ["여름", "린넨"], ["색상", "사이즈"])
    assert (goods.description, goods.is_published, goods.category) == ("<p>부드러운 린넨.</p>", True, None)
    assert [(sku.title, sku.price, sku.compare_at_price, sku.code, sku.weight_grams) for sku in goods.skus.all()] == [
        (title, 39_000, 59_000, "", 250) for title in ("블랙 / S", "블랙 / M", "화이트 / S", "화이트 / M")
    ]
    assert [one.url for one in goods.pictures.all()] == [
        "https://ecimg.example/main.jpg",
        "https://ecimg.example/2.jpg",
    ]
    socks = Goods.objects.get(slug="양말")
    assert (socks.is_published, socks.skus.get().code, socks.skus.get().price) == (False, "SO-1", 5000)
    assert set(stock()) == {(0, False, False)}, "the file says nothing of stock: what is on sale stays so"
    assert kinds(report) == {
        "completed-address": 1, "left-out-picture": 1, "not-published": 1, "not-tracked": 5, "picture-in-text": 1,
        "shared-code": 1, "short-text": 1,
    }  # fmt: skip
    left_out = {one["column"]: one["count"] for one in report.notes.columns()}
    assert left_out == {"상품분류 번호": 1, "공급가": 1, "품목 구성방식": 1, "제조사": 1, "메모": 1}
    Sku.objects.update(track_stock=True, stock=3)
    assert (import_goods(io.BytesIO(content)).unchanged, set(stock())) == (2, {(3, True, False)})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"옵션입력": "색상"}, "Line 2, column '옵션입력': '색상' is not a list of options"),
        ({"옵션입력": "색상{}"}, "an option has no values"),
        (
            {"옵션입력": "//".join(f"o{n}{{{'|'.join(map(str, range(20)))}}}" for n in range(3))},
            "more than 5000 variants",
        ),
        ({"판매가": "비쌈"}, "Line 2, column '판매가': '비쌈' is not a price"),
        ({"상품명": ""}, "Line 2, column '상품명': the title is empty"),
    ],
)
def test_a_bad_cell_of_cafe24_is_named_by_line_and_column(
    won_shop: TenantInfo, cells: dict[str, str], said: str
) -> None:
    with pytest.raises(ImportRefused, match=said):
        import_goods(io.BytesIO(table(CAFE24, BLOUSE | cells)))
    assert not Goods.objects.exists()


def test_the_stock_of_cafe24_is_counted_where_the_file_has_it(won_shop: TenantInfo) -> None:
    header = [*CAFE24, "재고관리", "재고수량"]
    rows = [SOCKS | {"재고관리": said, "재고수량": "7", "상품명": f"양말 {said}"} for said in ("사용함", "사용안함")]
    import_goods(io.BytesIO(table(header, *rows)))
    assert sorted(stock()) == [(0, False, False), (7, True, False)]
