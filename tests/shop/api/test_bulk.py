"""Many goods in one request: all or nothing, in constant memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory
from procrastinate.contrib.django.models import ProcrastinateJob

from shop.api.ndjson import NdjsonGoods
from shop.api.schema_factory import make_version_schemas
from shop.api.schemas.money import AMOUNT_OBJECTS
from shop.api.uploads import Upload
from shop.goods import import_jobs
from shop.goods.models import Category, Goods, GoodsImport, ImportPiece, Sku
from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.tasks.tenant_jobs import TASK, run_job
from tests.shop.api.conftest import Caller

MakeSku = Callable[..., Sku]
Amount = Callable[[str], Any]

NDJSON, CSV = "application/x-ndjson", "text/csv"
HEADER = "Handle,Title,Variant Price\n"


def lines(*goods: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(one)}\n" for one in goods)


@pytest.fixture
def one(amount: Amount) -> Callable[..., dict[str, Any]]:
    """Return a function that gives goods of a single sku, as the version has them."""

    def goods(slug: str, price: str = "5", **more: Any) -> dict[str, Any]:
        return {"slug": slug, "name": slug.title(), "skus": [{"price": amount(price), "stock": 3}], **more}

    return goods


def test_what_is_new_is_made_and_what_is_there_is_changed(
    in_acme: None, owner: Caller, one: Callable[..., dict[str, Any]], make_sku: MakeSku
) -> None:
    there = make_sku("Mug", price="5", stock=9)
    Goods.objects.filter(pk=there.goods_id).update(slug="mug", vendor="Potters")
    sent = lines(one("mug", "7.50", category="cups"), one("bowl", tags=["new"]))
    report = owner.post("/goods/bulk", sent, NDJSON)
    done = {"created": 1, "updated": 1, "unchanged": 0, "skus": 2, "pictures": 0}
    assert (report.status_code, report.json()) == (
        200, {**done, "format": "JSON lines", "warnings": [], "left_out": []},
    ), report.content  # fmt: skip
    there.refresh_from_db()
    assert (there.price, there.stock, there.goods.vendor, there.goods.category.slug) == (7.5, 3, "Potters", "cups")
    assert owner.post("/goods/bulk", sent, NDJSON).json()["unchanged"] == 2
    assert (Goods.objects.count(), Category.objects.count()) == (2, 1)


def test_the_csv_of_shopify_is_taken_too(in_acme: None, owner: Caller) -> None:
    report = owner.post("/goods/bulk", f"{HEADER}mug,Mug,5.00\nbowl,Bowl,6.00\n", CSV)
    assert (report.status_code, report.json()["created"]) == (200, 2)


def test_a_dry_run_leaves_everything_as_it_is(in_acme: None, owner: Caller, one: Callable[..., dict[str, Any]]) -> None:
    report = owner.post("/goods/bulk?dry_run=true", lines(one("mug")), NDJSON)
    assert (report.json()["created"], Goods.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"name": ""}, "name"),
        ({"slug": "mug"}, "slug"),
        ({"colour": "red"}, "colour"),
        ({"skus": [{"stock": -1}]}, "skus/0/stock"),
        ({"skus": [{"option_values": ["S"]}]}, "skus/0/option_values"),
        ({"skus": [{}, {}]}, "skus/1/option_values"),
        ({"skus": [{"code": "M-1"}]}, "skus/0/code"),
    ],
)
def test_an_error_names_line_and_column_and_nothing_is_done(
    in_acme: None, owner: Caller, one: Callable[..., dict[str, Any]], amount: Amount, changed: Any, column: str
) -> None:
    wrong = one("bowl") | changed
    wrong["skus"] = [{"price": amount("5"), **sku} for sku in wrong["skus"]]
    first = one("mug", skus=[{"price": amount("5"), "code": "M-1"}])
    refused = owner.post("/goods/bulk", lines(first, wrong), NDJSON)
    assert refused.status_code == 422, refused.content
    assert {"line": 2, "column": column}.items() <= refused.json()["errors"][0].items()
    assert not Goods.objects.exists()


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"slug": "a\\u0000"}', "\udcff"])
def test_a_line_that_is_no_goods_is_refused(in_acme: None, owner: Caller, text: str) -> None:
    refused = owner.post("/goods/bulk", text.encode("utf-8", "surrogateescape"), NDJSON)
    assert (refused.status_code, refused.json()["errors"][0]["line"]) == (422, 1)


def test_amounts_are_of_the_shops_currency(in_acme: None, owner: Caller, version: str) -> None:
    price: Any = {"amount": "5", "currency": "EUR"} if version == "v2" else "5.001"
    goods = {"slug": "mug", "name": "Mug", "skus": [{"price": price}]}
    assert owner.post("/goods/bulk", lines(goods), NDJSON).status_code == 422


def test_a_csv_with_an_error_names_the_line_and_changes_nothing(in_acme: None, owner: Caller) -> None:
    refused = owner.post("/goods/bulk", f"{HEADER}mug,Mug,5.00\nbowl,Bowl,cheap\n", CSV)
    assert refused.status_code == 422
    assert {"line": 3, "column": "Variant Price"}.items() <= refused.json()["errors"][0].items()
    assert not Goods.objects.exists()


def test_no_more_errors_are_told_than_help(in_acme: None, owner: Caller) -> None:
    assert len(owner.post("/goods/bulk", "{\n" * 1000, NDJSON).json()["errors"]) == 21


@pytest.mark.parametrize("kind", [NDJSON, CSV])
def test_an_empty_body_is_refused(in_acme: None, owner: Caller, kind: str) -> None:
    answer = owner.client.generic("POST", f"{owner.root}/goods/bulk", b"", CONTENT_TYPE=kind)
    assert answer.status_code == 422


def test_another_kind_of_body_is_refused(in_acme: None, owner: Caller) -> None:
    assert owner.post("/goods/bulk", "{}", "application/json").status_code == 415


def test_a_client_that_hangs_up_has_changed_nothing(
    in_acme: None, owner: Caller, one: Callable[..., dict[str, Any]]
) -> None:
    sent = lines(one("mug"), one("bowl")).encode()
    cut = sent[: sent.index(b"\n") + 1]
    answer = owner.client.generic(
        "POST", f"{owner.root}/goods/bulk", b"", CONTENT_TYPE=NDJSON,
        **{"wsgi.input": BytesIO(cut), "CONTENT_LENGTH": str(len(sent))},
    )  # fmt: skip
    assert answer.status_code == 422
    assert not Goods.objects.exists()


def test_too_large_a_body_is_refused_before_it_is_read(in_acme: None, owner: Caller) -> None:
    answer = owner.client.generic(
        "POST", f"{owner.root}/goods/bulk", b"", CONTENT_TYPE=NDJSON, CONTENT_LENGTH=str(2**40)
    )
    assert answer.status_code == 413


def test_ten_thousand_goods_are_taken_in_one_request(
    in_acme: None, owner: Caller, one: Callable[..., dict[str, Any]], version: str
) -> None:
    if version == "v1":
        pytest.skip("once is enough")
    report = owner.post("/goods/bulk", lines(*(one(f"goods-{number}") for number in range(10_000))), NDJSON)
    assert report.json()["created"] == 10_000
    assert (Goods.objects.count(), Sku.objects.count()) == (10_000, 10_000)


def test_reading_takes_no_more_memory_for_many_than_for_few(acme: TenantInfo, tmp_path: Path) -> None:
    """Reading alone, without a database; what is written goes by batches of a bounded size."""
    schemas = make_version_schemas(AMOUNT_OBJECTS, "default")
    goods = {"name": "x" * 200, "description": "y" * 800, "skus": [{"price": {"amount": "5", "currency": "USD"}}]}
    peaks = []
    for count in (300, 3_000):
        file = tmp_path / f"{count}.ndjson"
        with file.open("w") as written:
            written.writelines(lines({"slug": f"goods-{number}", **goods}) for number in range(count))
        request = RequestFactory().post("/", content_type=NDJSON)
        request.META["CONTENT_LENGTH"] = file.stat().st_size
        with file.open("rb") as request._stream, use_tenant(acme), NdjsonGoods(Upload(request), schemas) as read:
            tracemalloc.start()
            assert sum(1 for _ in read) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert not read.problems
    assert peaks[1] < peaks[0] + 256 * 1024  # the larger file has 3 MiB


# --- Imports


def test_a_file_is_handed_in_and_imported(in_acme: None, owner: Caller) -> None:
    made = owner.post("/imports?file_name=mugs.csv", f"{HEADER}mug,Mug,5.00\n", CSV)
    told = made.json()
    assert (made.status_code, told["status"], told["file_name"]) == (201, "done", "mugs.csv"), told
    assert (told["report"]["created"], told["size"], told["errors"]) == (1, len(HEADER) + 13, [])
    assert owner.get(f"/imports/{told['id']}").json() == told
    assert [item["id"] for item in owner.get("/imports").json()["items"]] == [told["id"]]
    assert not ImportPiece.objects.exists()


def test_a_file_with_errors_says_which_and_changes_nothing(in_acme: None, owner: Caller) -> None:
    told = owner.post("/imports", f"{HEADER}mug,Mug,5.00\nbowl,Bowl,cheap\n", CSV).json()
    assert (told["status"], told["report"]) == ("refused", None)
    assert "Line 3, column 'Variant Price'" in told["errors"][0]
    assert not Goods.objects.exists()


def test_pieces_are_read_as_the_file_that_they_were(in_acme: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_jobs, "_PIECE_BYTES", 7)
    text = HEADER + "".join(f"mug-{number},Mug,5.00\n" for number in range(40))
    kept = import_jobs.create_import(BytesIO(text.encode()).read, "mugs.csv")
    assert ImportPiece.objects.count() > 90
    import_jobs.run_import(kept.pk)
    import_jobs.run_import(kept.pk)  # a worker that was killed at the end has it done again
    assert Goods.objects.count() == 40


def test_a_worker_imports_it_as_the_shop(in_acme: None, owner: Caller) -> None:
    made = owner.post("/imports?background=true", f"{HEADER}mug,Mug,5.00\n", CSV)
    assert (made.status_code, made.json()["status"]) == (202, "waiting")
    assert not Goods.objects.exists()
    with use_tenant(PLATFORM):
        (envelope,) = ProcrastinateJob.objects.filter(task_name=TASK).values_list("args", flat=True)
        run_job(**envelope)
    assert owner.get(f"/imports/{made.json()['id']}").json()["status"] == "done"
    assert Goods.objects.get().name == "Mug"
    assert GoodsImport.objects.get().finished_at


def test_who_may_not_change_goods_hands_nothing_in(clerk: Caller, stranger: Caller) -> None:
    for path, kind in (("/imports", CSV), ("/goods/bulk", NDJSON)):
        assert (clerk.post(path, "", kind).status_code, stranger.post(path, "", kind).status_code) == (403, 401)


def test_bytes_of_no_kind_are_told_by_how_they_begin(
    in_acme: None, owner: Caller, one: Callable[..., dict[str, Any]]
) -> None:
    """Fault 44: what clients send that are generated from the OpenAPI document."""
    for content in (lines(one("mug")), f"{HEADER}bowl,Bowl,6.00\n"):
        report = owner.post("/goods/bulk", content.encode(), "application/octet-stream")
        assert (report.status_code, report.json()["created"]) == (200, 1), report.content
    handed_in = owner.post("/imports", f"{HEADER}cup,Cup,6.00\n".encode(), "application/octet-stream")
    assert (handed_in.status_code, handed_in.json()["status"]) == (201, "done")


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/octet-stream"])
def test_a_byte_order_mark_is_no_part_of_the_first_line(
    in_acme: None, owner: Caller, one: Callable[..., dict[str, Any]], kind: str
) -> None:
    """Fault 44: programs on Windows write one, and CSV may have it too."""
    report = owner.post("/goods/bulk", b"\xef\xbb\xbf" + lines(one("mug"), one("cup")).encode(), kind)
    assert (report.status_code, report.json()["created"]) == (200, 2), report.content


def test_a_moment_is_no_number_of_seconds(owner: Caller) -> None:
    """Fault 44."""
    for path in ("/orders?placed_since=", "/goods?updated_since="):
        for number in ("0.5", "1700000000", "-1", "%2B0.5", "%2B1700000000", "1.7e9", "1e9", "%201"):
            assert owner.get(f"{path}{number}").status_code == 422, number
        assert owner.get(f"{path}2026-01-31T09:00:00Z").status_code == 200
