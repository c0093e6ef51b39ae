"""The CSV that Shopify exports: what its rows become, what is refused, and the errors."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connections, transaction

from shop.goods.errors import ImportRefused
from shop.goods.importer import ImportReport, import_goods
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.services import CustomerDetails, place_order
from tenants import TenantInfo, use_tenant
from tests.waiting import eventually

APPAREL = Path(__file__).parent.parent / "data" / "apparel.csv"
HEADER = next(csv.reader(APPAREL.read_text().splitlines()))
SHIRT = {
    "Handle": "shirt", "Title": "Shirt", "Variant Price": "50", "Variant Inventory Tracker": "shopify",
    "Variant Inventory Qty": "3",
}  # fmt: skip


def table(*rows: dict[str, str], header: list[str] = HEADER) -> bytes:
    """Return a CSV file of those cells; columns that a row leaves out are empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def take(content: bytes, **options: Any) -> tuple[int, int, int]:
    """Import a file and return the numbers of goods created, updated and unchanged."""
    report = import_goods(io.BytesIO(content), **options)
    return report.created, report.updated, report.unchanged


def refusal(content: bytes) -> str:
    """Return why a file is refused, after looking that it changed nothing."""
    before = list(Goods.objects.values()), list(Sku.objects.values()), list(Category.objects.values())
    with pytest.raises(ImportRefused) as refused, transaction.atomic():
        import_goods(io.BytesIO(content))
    assert before == (list(Goods.objects.values()), list(Sku.objects.values()), list(Category.objects.values()))
    return str(refused.value)


@pytest.fixture
def shop(acme: TenantInfo) -> Iterator[TenantInfo]:
    """A shop that sells in dollars, active."""
    with use_tenant(acme):
        yield acme


@pytest.fixture
def won_shop(initech: TenantInfo) -> Iterator[TenantInfo]:
    """A shop that sells in won, active."""
    with use_tenant(initech):
        yield initech


# --- What becomes of the rows -------------------------------------------------------------------------------------


def test_the_real_file_has_twenty_goods_and_twenty_two_skus(shop: TenantInfo) -> None:
    report = import_goods(io.BytesIO(APPAREL.read_bytes()))
    assert (report.created, report.updated, report.unchanged) == (20, 0, 0)
    assert (report.skus, report.pictures) == (22, 20)
    assert (Goods.objects.count(), Sku.objects.count(), Picture.objects.count()) == (20, 22, 20)


def test_the_real_file_twice_changes_nothing(shop: TenantInfo) -> None:
    import_goods(io.BytesIO(APPAREL.read_bytes()))
    before = [list(model.objects.order_by("pk").values()) for model in (Goods, Sku, Picture, Category)]
    assert take(APPAREL.read_bytes()) == (0, 0, 20)
    assert before == [list(model.objects.order_by("pk").values()) for model in (Goods, Sku, Picture, Category)]


def test_the_real_file_fits_a_shop_without_cents(won_shop: TenantInfo) -> None:
    assert take(APPAREL.read_bytes()) == (20, 0, 0)


def test_a_product_with_sizes_becomes_goods_with_skus(shop: TenantInfo) -> None:
    import_goods(io.BytesIO(APPAREL.read_bytes()))
    goods = Goods.objects.get(slug="classic-varsity-top")
    assert (goods.name, goods.vendor, goods.option_names) == ("Classic Varsity Top", "partners-demo", ["Size"])
    assert (goods.tags, goods.category, goods.is_published) == (["women"], None, True)
    skus = [(sku.title, sku.price, sku.stock, sku.position) for sku in goods.skus.all()]
    assert skus == [("Small", Decimal(60), 1, 1), ("Medium", Decimal(60), 1, 2), ("Large", Decimal(60), 1, 3)]
    assert goods.picture.source_url == "https://burst.shopifycdn.com/photos/casual-fashion-woman_925x.jpg"


def test_a_product_of_one_kind_has_no_options(shop: TenantInfo) -> None:
    import_goods(io.BytesIO(APPAREL.read_bytes()))
    goods = Goods.objects.get(slug="ocean-blue-shirt")
    assert (goods.option_names, goods.skus.get().option_values) == ([], [])


def test_every_column_lands_in_its_field(shop: TenantInfo) -> None:
    row = {
        **SHIRT,
        "Body (HTML)": "<p>Warm &amp; soft.</p><ul><li>Wool</li><li>Wash cold</li></ul><script>alert(1)</script>",
        "Type": "Winter Shirts",
        "Tags": "new, wool, new",
        "Published": "FALSE",
        "Option1 Name": "Size",
        "Option1 Value": "S",
        "Option2 Name": "Colour",
        "Option2 Value": "Red, dark",
        "Variant SKU": "'0042",
        "Variant Grams": "453.592",
        "Variant Price": "1234.50",
        "Variant Compare At Price": "1500",
        "Variant Barcode": "'4006381333931",
        "Image Src": "https://cdn.example.com/a.jpg?v=1",
        "Image Position": "2",
        "Image Alt Text": "A shirt",
    }
    take(table(row))
    goods = Goods.objects.get()
    assert goods.description == "<p>Warm &amp; soft.</p><ul><li>Wool</li><li>Wash cold</li></ul>"
    assert (goods.category.name, goods.category.slug) == ("Winter Shirts", "winter-shirts")
    assert (goods.tags, goods.is_published, goods.option_names) == (["new", "wool"], False, ["Size", "Colour"])
    sku = goods.skus.get()
    assert (sku.code, sku.barcode, sku.weight_grams, sku.stock) == ("0042", "4006381333931", 454, 3)
    assert (sku.price, sku.compare_at_price, sku.option_values) == (Decimal("1234.5"), 1500, ["S", "Red, dark"])
    picture = goods.pictures.get()
    assert (picture.url, picture.alt, picture.position) == ("https://cdn.example.com/a.jpg?v=1", "A shirt", 2)


def test_rows_with_nothing_but_a_picture_add_pictures(shop: TenantInfo) -> None:
    more = [
        {"Handle": "shirt", "Image Src": f"https://cdn.example.com/{n}.jpg", "Image Position": str(n)} for n in (2, 3)
    ]
    first = {**SHIRT, "Image Src": "https://cdn.example.com/1.jpg", "Image Position": "1"}
    take(table(first, *more))
    goods = Goods.objects.get()
    assert [picture.source_url[-5:] for picture in goods.pictures.all()] == ["1.jpg", "2.jpg", "3.jpg"]
    assert goods.skus.count() == 1


@pytest.mark.parametrize(
    ("status", "published", "seen"), [("active", "", True), ("draft", "true", False), ("", "", True)]
)
def test_drafts_are_not_published(shop: TenantInfo, status: str, published: str, seen: bool) -> None:
    take(table({**SHIRT, "Status": status, "Published": published}, header=[*HEADER, "Status"]))
    assert Goods.objects.get().is_published is seen


def test_categories_that_there_are_are_used_again(shop: TenantInfo) -> None:
    Category.objects.create(name="Our shirts", slug="shirts")
    take(table({**SHIRT, "Type": "Shirts"}))
    assert Goods.objects.get().category.name == "Our shirts"


def test_korean_text_a_byte_order_mark_and_windows_line_ends_are_read(won_shop: TenantInfo) -> None:
    row = {**SHIRT, "Handle": "파란-셔츠", "Title": "파란 셔츠", "Type": "셔츠", "Body (HTML)": "첫째\n둘째"}
    content = b"\xef\xbb\xbf" + table(row).replace(b"\n", b"\r\n")
    take(content)
    goods = Goods.objects.get()
    assert (goods.slug, goods.name, goods.category.slug) == ("파란-셔츠", "파란 셔츠", "셔츠")
    assert goods.description.split() == ["첫째", "둘째"]
    assert take(content) == (0, 0, 1)


# --- A second time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"Title": "Blouse"},
        {"Type": "Blouses"},
        {"Variant Price": "51"},
        {"Variant Inventory Qty": "2"},
        {"Image Src": "https://cdn.example.com/new.jpg"},
        {"Published": "false"},
    ],
)
def test_what_differs_is_updated(shop: TenantInfo, change: dict[str, str]) -> None:
    other = {**SHIRT, "Handle": "socks"}
    take(table(SHIRT, other))
    before = dict(Goods.objects.values_list("slug", "updated_at"))
    assert take(table({**SHIRT, **change}, other)) == (0, 1, 1)
    assert take(table({**SHIRT, **change}, other)) == (0, 0, 2)
    after = dict(Goods.objects.values_list("slug", "updated_at"))
    assert after["socks"] == before["socks"]
    assert after["shirt"] > before["shirt"]


def test_what_the_file_does_not_name_stays(shop: TenantInfo) -> None:
    sizes = {**SHIRT, "Option1 Name": "Size", "Option1 Value": "S", "Vendor": "Weavers"}
    take(table(sizes, {**SHIRT, "Title": "", "Option1 Value": "M"}))
    header = ["Handle", "Title", "Option1 Name", "Option1 Value", "Variant Price"]
    row = {name: cell for name, cell in sizes.items() if name in header}
    assert take(table({**row, "Variant Price": "60"}, header=header)) == (0, 1, 0)
    goods = Goods.objects.get()
    assert goods.vendor == "Weavers"
    assert [(sku.title, sku.price, sku.stock) for sku in goods.skus.all()] == [("S", 60, 3), ("M", 50, 3)]


def test_a_sku_whose_option_was_renamed_is_known_by_its_code(shop: TenantInfo) -> None:
    row = {**SHIRT, "Option1 Name": "Size", "Option1 Value": "S", "Variant SKU": "X-1"}
    take(table(row))
    before = Sku.objects.get().pk
    assert take(table({**row, "Option1 Value": "Small"})) == (0, 1, 0)
    assert (Sku.objects.get().pk, Sku.objects.get().title) == (before, "Small")


def test_two_skus_can_swap_their_codes(shop: TenantInfo) -> None:
    def rows(small: str, large: str) -> bytes:
        first = {**SHIRT, "Option1 Name": "Size", "Option1 Value": "S", "Variant SKU": small}
        return table(first, {**SHIRT, "Title": "", "Option1 Value": "L", "Variant SKU": large})

    take(rows("A", "B"))
    assert take(rows("B", "A")) == (0, 1, 0)
    assert [(sku.title, sku.code) for sku in Sku.objects.all()] == [("S", "B"), ("L", "A")]


def test_a_dry_run_counts_and_changes_nothing(shop: TenantInfo) -> None:
    take(table(SHIRT))
    content = table({**SHIRT, "Title": "Blouse"}, {**SHIRT, "Handle": "socks", "Type": "Socks"})
    assert take(content, dry_run=True) == (1, 1, 0)
    assert [goods.name for goods in Goods.objects.all()] == ["Shirt"]
    assert not Category.objects.exists()


# --- What is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"Variant Price": "12.345"}, "column 'Variant Price': '12.345' has more decimal places than USD has (2)"),
        ({"Variant Price": ""}, "column 'Variant Price': the price is empty"),
        ({"Variant Price": "free"}, "column 'Variant Price': 'free' is not a price"),
        ({"Variant Price": "$50"}, "column 'Variant Price': '$50' is not a price"),
        ({"Variant Price": "1,000"}, "column 'Variant Price': '1,000' is not a price"),
        ({"Variant Price": "1e3"}, "'1e3' is not a price"),
        ({"Variant Price": "NaN"}, "'NaN' is not a price"),
        ({"Variant Price": "-5"}, "a price cannot be negative"),
        ({"Variant Price": "1000000000000"}, "is too large"),
        ({"Variant Price": "9" * 5000}, "is too large"),
        ({"Variant Compare At Price": "60.001"}, "column 'Variant Compare At Price': '60.001' has more decimal"),
        ({"Variant Inventory Qty": "1.5"}, "column 'Variant Inventory Qty': '1.5' is not a whole number"),
        ({"Variant Inventory Qty": "-" + "9" * 5000}, "is more than 2147483647"),
        ({"Variant Inventory Policy": "often"}, "'often' is not deny or continue"),
        ({"Variant Inventory Qty": "9" * 5000}, "is more than 2147483647"),
        ({"Variant Grams": "heavy"}, "column 'Variant Grams': 'heavy' is not a weight"),
        ({"Variant Grams": "9" * 5000}, "is more than 2147483647"),
        ({"Handle": ""}, "column 'Handle': '' is not a handle"),
        ({"Handle": "a b/c"}, "column 'Handle': 'a b/c' is not a handle"),
        ({"Title": ""}, "column 'Title': the title is empty"),
        ({"Title": "x" * 256}, "column 'Title': the text has 256 characters; the limit is 255"),
        ({"Tags": "a, " + "x" * 300}, "column 'Tags': the text has 300 characters"),
        ({"Published": "maybe"}, "column 'Published': 'maybe' is not true or false"),
        ({"Image Src": "javascript:alert(1)"}, "column 'Image Src': 'javascript:alert(1)' is not a URL"),
        ({"Image Src": "https://a.example/", "Image Position": "x"}, "column 'Image Position': 'x' is not a whole"),
        ({"Option1 Name": "Size"}, "column 'Option1 Value': the value is empty"),
        ({"Option1 Value": "Small"}, "column 'Option1 Value': 'Small' belongs to an option without a name"),
        ({"Option2 Name": "Size", "Option2 Value": "S"}, "column 'Option1 Name': the name is empty"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(shop: TenantInfo, wrong: dict[str, str], said: str) -> None:
    good = {**SHIRT, "Handle": "socks"}
    message = refusal(table(good, {**SHIRT, **wrong}))
    assert message.startswith("Line 3, ")
    assert said in message


def test_won_have_no_decimal_places(won_shop: TenantInfo) -> None:
    assert "'50.5' has more decimal places than KRW has (0)" in refusal(table({**SHIRT, "Variant Price": "50.5"}))


def test_lines_are_counted_as_an_editor_counts_them(shop: TenantInfo) -> None:
    talkative = {**SHIRT, "Handle": "socks", "Body (HTML)": "one\ntwo\r\nthree\n"}
    content = (
        table(talkative).replace(b"\nsocks", b"\n\nsocks") + table({**SHIRT, "Variant Price": "?"}).split(b"\n", 1)[1]
    )
    assert content.splitlines()[6].startswith(b"shirt,")
    assert refusal(content).startswith("Line 7, column 'Variant Price': '?'")


def test_all_bad_rows_are_told_at_once(shop: TenantInfo) -> None:
    rows = [{**SHIRT, "Handle": f"shirt-{number}", "Variant Price": "?" if number % 2 else "5"} for number in range(6)]
    assert [line.split(",")[0] for line in refusal(table(*rows)).splitlines()] == ["Line 3", "Line 5", "Line 7"]


def test_of_many_bad_rows_the_first_are_named_and_all_are_counted(shop: TenantInfo) -> None:
    """Fault 38: at most 20 problems were named, and how many there are was not told."""
    rows = [{**SHIRT, "Handle": f"shirt-{number}", "Variant Price": "?"} for number in range(130)]
    said = refusal(table(*rows)).splitlines()
    assert (len(said), said[-1]) == (21, "110 more errors, 130 in total.")


def test_a_product_comes_once(shop: TenantInfo) -> None:
    said = refusal(table(SHIRT, {**SHIRT, "Handle": "socks"}, SHIRT))
    assert said.startswith("Line 4, column 'Handle': 'shirt' is already on line 2.")


def test_options_come_once(shop: TenantInfo) -> None:
    row = {**SHIRT, "Option1 Name": "Size", "Option1 Value": "S"}
    said = refusal(table(row, {**SHIRT, "Title": "", "Option1 Value": "S"}))
    assert said == "Line 3, column 'Option1 Value': the variant on line 2 has the same options."


def test_a_row_without_price_and_picture_is_refused(shop: TenantInfo) -> None:
    said = refusal(table(SHIRT, {"Handle": "shirt", "Title": "Shirt"}))
    assert said == "Line 3, column 'Variant Price': the row has neither a price nor an image."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file is empty."),
        (table(), "The file has no products"),
        (
            b"Handle,Title\nshirt,Shirt\n",
            "Line 2, column 'Variant Price': 'shirt' is new, and the file has no",
        ),
        (b"Handle,Variant Price\nshirt,5\n", "Line 2, column 'Title': 'shirt' is new, and the file has no"),
        (b"Title;Variant Price\n", "Line 1: the column 'Handle' is missing, and this is no"),
        (b"Handle;Title;Variant Price\n", "The file has no products"),
        (b"Handle,Title,Variant Price,Title\n", "Line 1, column 'Title': the column appears twice."),
        (b"Handle,Title,Variant Price\nshirt,Shirt\n", "Line 2: the row has 2 values, but the header has 3 columns."),
        (b"Handle,Title,Variant Price\nshirt,Shirt,5,6\n", "Line 2: the row has 4 values"),
        (b'Handle,Title,Variant Price\n"shirt,Shirt,5\n\n\n', "Line 2: this row is not CSV: unexpected end of data."),
        (b'Handle,Title,Variant Price\nshirt,"Shi"rt,5\n', "Line 2: this row is not CSV"),
        (
            b'Handle,Title,Variant Price\nshirt,"' + b"x" * 1100000 + b'",5\n',
            "Line 2: this row is not CSV: field larger",
        ),
        (b"x" * 5_000_000, "Line 1: longer than 4 MB. Is this a CSV file?"),
        (
            table({**SHIRT, "Title": "셔츠"}, SHIRT | {"Vendor": "x"}).replace(b",x,", b",\xff,"),
            "Line 3: the encoding changes",
        ),
        (table(SHIRT).replace(b"Shirt", b"Shi\0rt"), "Line 2: the line has a NUL byte."),
    ],
)
def test_what_is_no_such_file_is_refused(shop: TenantInfo, content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_a_problem_at_the_end_takes_everything_back(shop: TenantInfo) -> None:
    good = [{**SHIRT, "Handle": f"goods-{n}", "Body (HTML)": "x" * 1000, "Type": f"Type {n}"} for n in range(1500)]
    assert "Line 1502" in refusal(table(*good, {**SHIRT, "Variant Price": "?"}))


# --- Size, and others at work ------------------------------------------------------------------------------------


class _Endless(io.RawIOBase):
    """A file that is made up while it is read."""

    def __init__(self, products: int) -> None:
        self._lines = self._made_up(products)

    def _made_up(self, products: int) -> Iterator[bytes]:
        yield b"Handle,Title,Body (HTML),Variant Price,Variant SKU\n"
        for number in range(products):
            yield b"goods-%d,Goods,%s,5,X-%d\n" % (number, b"x" * 20_000, number)

    def readline(self, size: int | None = -1) -> bytes:
        return next(self._lines, b"")


def _peak_of_import(products: int) -> int:
    tracemalloc.start()
    try:
        assert import_goods(_Endless(products), dry_run=True).created == products
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_file_four_times_as_long_takes_no_more_memory(shop: TenantInfo) -> None:
    _peak_of_import(10)
    # The lower one of two: other threads of the process allocate memory as well.
    assert min(_peak_of_import(400), _peak_of_import(400)) < 1.2 * _peak_of_import(100)


def test_the_queries_hang_on_batches_and_not_on_rows(
    shop: TenantInfo, django_assert_max_num_queries: Callable[..., object]
) -> None:
    rows = [{**SHIRT, "Handle": f"goods-{n}", "Variant SKU": f"X-{n}", "Type": f"T{n % 9}"} for n in range(300)]
    dearer = [{**row, "Variant Price": "60", "Title": "Blouse"} for row in rows]
    for content in (table(*rows), table(*rows), table(*dearer)):
        with django_assert_max_num_queries(16):
            take(content)


def test_progress_is_told_batch_by_batch(shop: TenantInfo) -> None:
    heard: list[int] = []
    rows = [{**SHIRT, "Handle": f"goods-{n}", "Body (HTML)": "x" * 2000} for n in range(600)]
    content = table(*rows)
    import_goods(io.BytesIO(content), on_batch=lambda report: heard.append(report.bytes_read))
    assert len(heard) > 2
    assert heard == sorted(heard)
    assert heard[-1] == len(content)


def _wait_until_somebody_waits(sql_row: Callable[..., tuple[int]]) -> None:
    for_us = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    assert eventually(lambda: sql_row(for_us)[0])


def test_order_during_an_import_does_not_block_it_and_keeps_its_stock(
    live_tenant: TenantInfo, sql_row: Callable[..., tuple[int]]
) -> None:
    first = [{**SHIRT, "Handle": f"goods-{n}", "Body (HTML)": "x" * 2000} for n in range(600)]
    header = [name for name in HEADER if name != "Variant Inventory Qty"]
    # The other way round: the import writes last what the order locks first.
    dearer = [{name: row.get(name, "") for name in header} | {"Variant Price": "60"} for row in reversed(first)]
    with use_tenant(live_tenant):
        take(table(*first))
        wanted = [Sku.objects.get(goods__slug=slug).pk for slug in ("goods-0", "goods-599")]

        def order() -> None:
            with use_tenant(live_tenant):
                place_order(CustomerDetails(email="kim@example.com", name="Kim"), dict.fromkeys(wanted, 2), "1 Main St")
                connections.close_all()

        thread = Thread(target=order)

        def on_batch(report: ImportReport) -> None:
            if not thread.ident:
                thread.start()
                _wait_until_somebody_waits(sql_row)

        assert take(table(*dearer, header=header), on_batch=on_batch) == (0, 600, 0)
        thread.join(timeout=600)
        assert set(Sku.objects.filter(pk__in=wanted).values_list("stock", "price")) == {(1, Decimal(60))}


def test_two_imports_of_the_same_file_at_once_make_the_goods_once(live_tenant: TenantInfo) -> None:
    answers: list[tuple[int, int, int]] = []

    def run() -> None:
        with use_tenant(live_tenant):
            answers.append(take(APPAREL.read_bytes()))
            connections.close_all()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
    assert sorted(answers) == [(0, 0, 20), (20, 0, 0)]


def test_a_category_that_is_called_so_is_the_one_that_is_meant(acme: TenantInfo) -> None:
    with use_tenant(acme):
        own = Category.objects.create(name="Shirts", slug="our-shirts")
        text = b"Handle,Title,Type,Variant Price\na,A,Shirts,1.00\nb,B,Hats,1.00\n"
        import_goods(io.BytesIO(text))
        assert Goods.objects.get(slug="a").category == own
        assert Goods.objects.get(slug="b").category.slug == "hats"
