"""Files uploaded to the API: accepted kinds, and reports."""

from __future__ import annotations

from shop.goods.models import Goods
from tests.shop.api.conftest import Caller
from tests.shop.test_import_files import HEADER, lines, xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def test_the_api_takes_workbooks(in_acme: None, owner: Caller) -> None:
    content = xlsx([*HEADER, "SEO Title"], ["mug", "Mug", "", 12.5, -3, "x"])
    dry = owner.post("/imports?file_name=mugs.xlsx&dry_run=true", content, XLSX).json()
    assert (dry["status"], dry["dry_run"], Goods.objects.count()) == ("done", True, 0), dry
    made = owner.post("/imports?file_name=mugs.xlsx", content, XLSX).json()
    assert made["report"] == dry["report"]
    assert made["report"]["warnings"] == [
        {
            "kind": "negative-stock",
            "count": 1,
            "detail": "variants with negative stock and no back orders, imported with stock 0",
            "lines": [2],
        }
    ]
    assert made["report"]["left_out"] == [{"column": "SEO Title", "count": 1}]
    report = owner.post("/goods/bulk?dry_run=true", content, XLSX)
    assert (report.status_code, report.json()["format"]) == (200, "Shopify, XLSX")


def test_a_refused_import_of_the_api_counts_its_problems(in_acme: None, owner: Caller) -> None:
    """Fault 38: at most 20 errors are named, and there was no total."""
    rows = [[f"mug-{number}", "Mug", "", "?", "1"] for number in range(50)]
    told = owner.post("/imports", lines(*rows), "text/csv").json()
    assert (told["status"], len(told["errors"])) == ("refused", 21)
    assert told["errors"][-1] == "30 more errors, 50 in total."
