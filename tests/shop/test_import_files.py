"""Encodings, separators and compressions of product files, and files of other kinds."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import Workbook

from shop.goods.errors import ImportRefused
from shop.goods.files import workbook, workbook_bounds
from shop.goods.importer import ImportReport, import_goods
from shop.goods.models import Goods, Sku
from tenants import TenantInfo, use_tenant

HEADER = ["Handle", "Title", "Vendor", "Variant Price", "Variant Inventory Qty"]


@pytest.fixture
def shop(acme: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(acme):
        yield acme


def take(content: bytes, **options: Any) -> ImportReport:
    return import_goods(io.BytesIO(content), **options)


def lines(*rows: list[str], separator: str = ",", end: str = "\n") -> str:
    return "".join(separator.join(row) + end for row in [HEADER, *rows])


def xlsx(*rows: list[Any], before: int = 0) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet
    for _ in range(before):
        sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("encoding", "title", "said"),
    [
        ("utf-8", "파란 셔츠 ☂", "UTF-8"),
        ("utf-8-sig", "파란 셔츠 ☂", "UTF-8"),
        ("utf-16", "파란 셔츠 ☂ Ċ上", "UTF-16"),
        ("utf-16-le", "파란 셔츠 ☂ Ċ上", "UTF-16-LE"),
        ("utf-16-be", "파란 셔츠 ☂ Ċ上", "UTF-16-BE"),
        ("cp949", "파란 셔츠 똠방각하", "Korean (CP949)"),
        ("euc-kr", "파란 셔츠", "Korean (CP949)"),
        ("cp1252", "Café – 40 °C “soft”", "Western European (Windows-1252)"),
        ("latin-1", "Crème brûlée, süß".replace(",", ""), "Western European (Windows-1252)"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_in_any_usual_encoding_is_read(shop: TenantInfo, encoding: str, title: str, said: str, end: str) -> None:
    """Fault 42: other encodings got “the text is not UTF-8” and no way on."""
    text = lines(["plain", "Plain", "", "5", "1"], ["mug", title, "x", "5", "1"], end=end)
    report = take(text.encode(encoding))
    assert Goods.objects.get(slug="mug").name == title
    assert (report.created, said in report.form) == (2, True), report.form


def test_a_degree_sign_makes_no_file_korean(shop: TenantInfo) -> None:
    take(lines(["mug", "At 100 °C", "", "5", "1"]).encode("latin-1"))
    assert Goods.objects.get().name == "At 100 °C"


def test_an_encoding_that_changes_midway_is_refused_by_line(shop: TenantInfo) -> None:
    content = lines(["mug", "셔츠", "", "5", "1"]).encode() + lines(["cup", "셔츠", "", "5", "1"]).encode("cp949")
    with pytest.raises(ImportRefused, match="Line 4: the encoding changes"):
        take(content)
    with pytest.raises(ImportRefused, match="Line 4: the encoding changes"):
        take(lines(["mug", "Mug", "", "5", "1"], ["cup", "x", "", "5", "1"]).encode("utf-16") + b"\x00\xd8\n\x00x")


@pytest.mark.parametrize(
    ("separator", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
@pytest.mark.parametrize("hint", ["", "sep={}\n"])
def test_a_file_with_any_usual_separator_is_read(shop: TenantInfo, separator: str, name: str, hint: str) -> None:
    """Fault 42: other separators got a list of missing columns and no way on."""
    text = hint.format(separator) + lines(["mug", "Mug", '"a;b,c|d"', "12.50", "1"], separator=separator)
    report = take(text.encode())
    assert f"separated by {name}" in report.form
    assert (Goods.objects.get().vendor, Sku.objects.get().price) == ("a;b,c|d", 12.5)
    wrong = text.replace("12.50", "?")
    with pytest.raises(ImportRefused, match=f"Line {3 if hint else 2}, column 'Variant Price'"):
        take(wrong.encode())


@pytest.mark.parametrize(
    ("cell", "price"), [("12,50", 12.5), ("12,5", 12.5), ("1.234,50", 1234.5), ('"1,234.50"', 1234.5), ("12.50", 12.5)]
)
def test_a_price_with_a_comma_is_read_where_it_is_clear(shop: TenantInfo, cell: str, price: float) -> None:
    take(lines(["mug", "Mug", "", cell, "1"], separator=";").encode())
    assert Sku.objects.get().price == price


def test_thousands_are_clear_in_a_currency_without_fractions(initech: TenantInfo) -> None:
    with use_tenant(initech):
        take(lines(["mug", "Mug", "", '"15,900"', "1"]).encode())
        assert Sku.objects.get().price == 15_900


# --- XLSX


def test_a_workbook_is_read_like_a_csv(shop: TenantInfo) -> None:
    """Fault 42: XLSX got a list of missing columns and no way on."""
    more = [*HEADER, "Variant Barcode", "Published", None]
    report = take(
        xlsx(more, ["mug", "머그", None, 12.5, 3, 8801234567893.0, True], [], ["cup", "Cup", "", "5", 1.0], before=2)
    )
    assert (report.created, report.form) == (2, "Shopify, XLSX")
    found = Sku.objects.order_by("pk").values_list("goods__name", "price", "stock", "barcode")
    assert list(found) == [("머그", 12.5, 3, "8801234567893"), ("Cup", 5, 1, "")]
    with pytest.raises(ImportRefused, match="Line 3, column 'Variant Price': 'x' is not a price"):
        take(xlsx(HEADER, ["mug", "Mug", "", 1, 1], ["cup", "Cup", "", "x", 1]))


def packed(**parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in parts.items():
            out.writestr(name.replace("__", "/"), data)
    return file.getvalue()


def remade(part: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return a workbook with one of its parts changed, packed."""
    source, made = zipfile.ZipFile(io.BytesIO(xlsx(HEADER, ["mug", "Mug", "", 1, 1]))), io.BytesIO()
    with source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for info in source.infolist():
            data = source.read(info)
            out.writestr(info.filename, change(data) if info.filename == part else data)
    return made.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
BOMBS: dict[str, Callable[[], bytes]] = {
    "a cell": lambda: remade(SHEET, lambda xml: xml.replace(b">Mug<", b">" + b"M" * 60_000_000 + b"<")),
    "a row": lambda: remade(SHEET, lambda xml: xml.replace(b"</row>", b"<c/>" * 5_000_000 + b"</row>")),
    "many rows": lambda: remade(SHEET, lambda xml: xml.replace(b"</sheetData>", b"<row/>" * 300_000 + b"</sheetData>")),
    "elsewhere": lambda: remade(SHEET, lambda xml: xml.replace(b"</worksheet>", b"<x/>" * 900_000 + b"</worksheet>")),
    "styles": lambda: remade("xl/styles.xml", lambda xml: xml.replace(b"<fonts", b" " * (17 << 20) + b"<fonts")),
}
ENTITIES = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"ha") for n in range(9))


def laughing() -> bytes:
    """Return a workbook with entities that grow without end."""
    begun = b"<!DOCTYPE worksheet [" + ENTITIES + b"]><worksheet"
    return remade(SHEET, lambda xml: xml.replace(b"<worksheet", begun, 1).replace(b"Mug", b"&l8;"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: packed(a=b"x"), "it is a ZIP file, not XLSX"),
        (lambda: b"PK\x03\x04" + b"x" * 1000, "is damaged"),
        (lambda: xlsx(HEADER)[:-40], "is damaged"),
        (laughing, "it declares a document type"),
        (lambda: packed(**{f"p{n}": b"" for n in range(1001)}, **{"xl__workbook.xml": b""}), "too large when"),
        (lambda: packed(**{"xl__workbook.xml": b"<x"}), "is damaged"),
        (lambda: packed(**{"xl__workbook.xml": b"<x/>"}), "cannot be read as XLSX"),
        (lambda: xlsx(), "The file is empty"),
        (lambda: xlsx([f"c{n}" for n in range(10)]), "the column 'Handle' is missing"),
        (lambda: xlsx(HEADER), "The file has no products"),
    ],
)
def test_a_workbook_that_is_none_is_refused(shop: TenantInfo, make: Callable[[], bytes], said: str) -> None:
    with pytest.raises(ImportRefused, match=said):
        take(make())
    assert not Goods.objects.exists()


def test_a_sheet_beyond_its_size_unpacked_is_refused(shop: TenantInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_bounds, "MAX_UNPACKED", 1024 * 1024)
    with pytest.raises(ImportRefused, match="too large when unpacked"):
        take(remade(SHEET, lambda xml: xml.replace(b"<sheetData", b" " * 1024 * 1024 + b"<sheetData")))


def test_a_workbook_beyond_its_size_is_refused(shop: TenantInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_BYTES", 1000)
    with pytest.raises(ImportRefused, match="the XLSX file is larger than"):
        take(xlsx(HEADER, ["mug", "Mug", "", 1, 1]))


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(shop: TenantInfo, kind: str) -> None:
    """Fault 42: XLSX is read within bounds, since a small one can be made to fill any memory."""
    content = BOMBS[kind]()
    assert len(content) < 1024 * 1024
    tracemalloc.start()
    with pytest.raises(ImportRefused, match="too large when unpacked"):
        take(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


# --- Something else


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "an old Excel file"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xef\xbb\xbf  <html><table>", "HTML or XML"),
        (b'{"products": []}', "JSON"),
        (b"\x1f\x8b\x08\0", "compressed with gzip"),
        (b"TITLE,DESCRIPTION,PRICE,CURRENCY_CODE,QUANTITY,TAGS\n", "a product file of Etsy"),
        (b"Token,Item Name,Variation Name,SKU,Price\n", "a product file of Square"),
        (b"handleId,fieldType,name,price\n", "a product file of Wix"),
        (b"sku,attribute_set_code,product_type,name\n", "a product file of Magento"),
        ("판매자 상품코드;상품명;판매가\n".encode("cp949"), "a product file of Naver Smart Store"),
        (b"Name,Email,Financial Status,Total\n", "an export of Shopify's orders"),
        (b"a,b\n", "the column 'Handle' is missing, and this is no WooCommerce or Cafe24 file"),
    ],
)
def test_a_file_of_another_kind_is_told_what_it_is(shop: TenantInfo, content: bytes, said: str) -> None:
    """Fault 42: foreign files got a list of missing columns and no way on."""
    with pytest.raises(ImportRefused, match=said):
        take(content)


def test_a_file_of_another_shop_says_what_to_do(shop: TenantInfo) -> None:
    with pytest.raises(
        ImportRefused, match="Export the products as a Shopify CSV.*or rename the columns: Handle, Title"
    ):
        take(b"TITLE,DESCRIPTION,PRICE,CURRENCY_CODE,QUANTITY,TAGS\n")


@pytest.mark.parametrize("end", [" , ,,, \n", "   \n", "\t\n\n", "\u3000,,,,\n"])
def test_a_row_of_spaces_is_an_empty_row(shop: TenantInfo, end: str) -> None:
    """Fault 42: one at the end of a file had all of it refused."""
    assert take((lines(["mug", "Mug", "", "5", "1"]) + end).encode()).created == 1
    assert take(xlsx(HEADER, ["cup", "Cup", "", 5, 1], [" ", None, "\u00a0"])).created == 1


def test_separators_at_the_end_of_a_row_say_nothing(shop: TenantInfo) -> None:
    """Fault 42: a row is refused for a value that no column has, and not for an empty one."""
    assert take((lines() + "mug,Mug,,5,1,,,\n").encode()).created == 1
    with pytest.raises(ImportRefused, match="the row has 7 values, but the header has 5 columns"):
        take((lines() + "cup,Cup,,5,1,,x\n").encode())


@pytest.mark.parametrize(
    ("written", "price"),
    [(".5", "0.5"), ("5.", "5"), (",5", "0.5"), ("1,234,567", "1234567"), ("1.234.567", "1234567")],
)
def test_a_price_that_can_mean_one_thing_alone_is_taken(shop: TenantInfo, written: str, price: str) -> None:
    take(lines(["mug", "Mug", "", f'"{written}"', "1"]).encode())
    assert Sku.objects.get().price == Decimal(price)


@pytest.mark.parametrize("written", [".", ",", "1,234", "1.234", "1,23,456", "1,234,56", "1.234.567,8.9"])
def test_a_price_that_can_mean_two_things_is_refused(shop: TenantInfo, written: str) -> None:
    with pytest.raises(ImportRefused):
        take(lines(["mug", "Mug", "", f'"{written}"', "1"]).encode())
