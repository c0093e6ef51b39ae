"""Imports of goods: in the request itself, or as a file for a worker."""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from shop.api.filters import query_of
from shop.api.ndjson import NdjsonGoods
from shop.api.operations import get_or_404, with_types
from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.bulk import BulkReport, ImportOut, ImportParams
from shop.api.uploads import BYTES, CSV, NDJSON, XLSX, Upload, kind_of
from shop.goods import import_jobs
from shop.goods.importer import import_goods, import_products
from shop.goods.models import GoodsImport
from tenants.contrib.api.auth import HasPermissions
from tenants.contrib.api.cursor_pagination import Ordering
from tenants.contrib.api.pagination import Pagination

_NEEDED = ("goods.add_goods", "goods.change_goods")
_NEWEST_FIRST = Ordering("-id", "id", True, int)


def _body(*kinds: str) -> dict[str, Any]:
    """Return what OpenAPI says of a body that is not JSON."""
    content: dict[str, Any] = {kind: {"schema": {"type": "string"}} for kind in kinds}
    content[BYTES] = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": True, "content": content}}


def add_bulk(router: Router, schemas: VersionSchemas) -> None:
    """Add the import in the request itself to the router of goods."""

    @router.post("/bulk", response=BulkReport, auth=HasPermissions(*_NEEDED), openapi_extra=_body(NDJSON, CSV, XLSX))
    def upsert_goods(request: HttpRequest, dry_run: bool = False) -> Any:
        """Create and update goods, identified by their slug: all of them or none.

        The body is a stream: JSON lines, one product each, or a product file of Shopify, WooCommerce or Cafe24 as CSV
        or XLSX. Fields that are left out stay as they are. With `dry_run`, nothing is saved. Errors name the line and
        the column; warnings name what the import changed or left out.
        """
        kind, upload = kind_of(request, NDJSON, CSV, XLSX, BYTES), Upload(request)
        if not (kind == NDJSON or (kind == BYTES and upload.begins_with(b"{"))):
            report = import_goods(cast(Any, upload), dry_run=dry_run)
        else:
            report = import_products(NdjsonGoods(upload, schemas), dry_run=dry_run)
        return report.as_json()


def make_router(pagination: Pagination) -> Router:
    router = Router(tags=["imports"])

    @router.post(
        "", response={201: ImportOut, 202: ImportOut}, auth=HasPermissions(*_NEEDED), openapi_extra=_body(CSV, XLSX)
    )
    def create_import(request: HttpRequest, params: Query[ImportParams]) -> Any:
        """Upload a file of goods. If it has errors, the import lists them, and nothing is changed."""
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
    @with_types(params=query_of(pagination))
    def list_imports(request: HttpRequest, response: HttpResponse, params: Any) -> Any:
        """List imports, the newest first."""
        return pagination.paginate(GoodsImport.objects.all(), _NEWEST_FIRST, params, request, response)

    @router.get("/{import_id}", response=ImportOut, auth=HasPermissions("goods.view_goodsimport"))
    def get_import(request: HttpRequest, import_id: int) -> GoodsImport:
        """Get the status and the result of an import."""
        return get_or_404(GoodsImport.objects.all(), "import", import_id, pk=import_id)

    return router
