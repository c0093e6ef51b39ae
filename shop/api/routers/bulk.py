"""Many goods at once: in the request itself, or as a file that a worker imports."""

# Without `from __future__ import annotations`: ninja reads them, and some name classes that are made for a version.

from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema, Status

from shop.api.ndjson import NdjsonGoods
from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.bulk import BulkReport, ImportOut
from shop.api.schemas.fields import NO_NUL
from shop.api.services.write import get_or_404
from shop.api.uploads import BYTES, CSV, NDJSON, XLSX, Upload, kind_of
from shop.goods import import_jobs
from shop.goods.importer import import_goods, import_products
from shop.goods.models import GoodsImport
from tenants.contrib.api.auth import HasPermissions
from tenants.contrib.api.cursor_pagination import Ordering
from tenants.contrib.api.pagination import Pagination

_NEEDED = ("goods.add_goods", "goods.change_goods")
_LAST_FIRST = Ordering("-id", "id", True, int)


class ImportParams(Schema):
    """How a file is imported."""

    file_name: str = Field("goods.csv", min_length=1, max_length=255, pattern=NO_NUL, description="To know it by.")
    background: bool = Field(False, description="true: a worker does it, and the answer does not wait (202).")
    dry_run: bool = Field(False, description="true: it is done and taken back; the report says what would be done.")


def _body(*kinds: str) -> dict[str, Any]:
    """Return what OpenAPI says of a body that is no JSON."""
    content: dict[str, Any] = {kind: {"schema": {"type": "string"}} for kind in kinds}
    content[BYTES] = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": True, "content": content}}


def add_bulk(router: Router, schemas: VersionSchemas) -> None:
    """Give the router of goods the operation for many of them."""

    @router.post("/bulk", response=BulkReport, auth=HasPermissions(*_NEEDED), openapi_extra=_body(NDJSON, CSV, XLSX))
    def upsert_goods(request: HttpRequest, dry_run: bool = False) -> Any:
        """Make the goods that are not there and change those that are, known by their slug: all of them or none.

        The body is read as it comes: lines of JSON, each as for one of the goods, or the product file of Shopify,
        WooCommerce or Cafe24 as CSV or XLSX. What is not said stays as it is. `dry_run` does it all and takes it back.
        Errors name the line and the column; warnings say what was taken otherwise than the file says.
        """
        kind, upload = kind_of(request, NDJSON, CSV, XLSX, BYTES), Upload(request)
        if not (kind == NDJSON or (kind == BYTES and upload.begins_with(b"{"))):
            report = import_goods(cast(Any, upload), dry_run=dry_run)
        else:
            report = import_products(NdjsonGoods(upload, schemas), dry_run=dry_run)
        return report.as_json()


def make_router(pagination: Pagination) -> Router:
    """Return the router for files that are handed in."""
    router = Router(tags=["imports"])

    @router.post(
        "", response={201: ImportOut, 202: ImportOut}, auth=HasPermissions(*_NEEDED), openapi_extra=_body(CSV, XLSX)
    )
    def create_import(request: HttpRequest, params: Query[ImportParams]) -> Any:
        """Hand in a file of goods. What is wrong with it stands in the import, and then the shop is as it was."""
        kind_of(request, CSV, XLSX, BYTES)
        with transaction.atomic():
            kept = import_jobs.create_import(Upload(request).read, params.file_name, dry_run=params.dry_run)
            if params.background:
                import_jobs.run_import.defer(goods_import=kept.pk)
        if not params.background:
            import_jobs.run_import(kept.pk)
            kept.refresh_from_db()
        return Status(202 if params.background else 201, kept)

    @router.get("", response=pagination.schema_of(ImportOut), auth=HasPermissions("goods.view_goodsimport"))
    def list_imports(request: HttpRequest, response: HttpResponse, params: Query[pagination.params]) -> Any:
        """List what was handed in, the last first."""
        return pagination.paginate(GoodsImport.objects.all(), _LAST_FIRST, params, request, response)

    @router.get("/{import_id}", response=ImportOut, auth=HasPermissions("goods.view_goodsimport"))
    def get_import(request: HttpRequest, import_id: int) -> GoodsImport:
        """Tell how far an import is, and what came of it."""
        return get_or_404(GoodsImport.objects.all(), "import", import_id, pk=import_id)

    return router
