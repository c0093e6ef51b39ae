"""Files of goods that are handed in, to be imported at once or by a worker."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO, RawIOBase
from typing import BinaryIO, cast

from django.db import transaction
from django.utils import timezone

from shop.goods.errors import ImportRefused
from shop.goods.importer import import_goods
from shop.goods.models import GoodsImport, ImportPiece
from tenants.tasks.tenant_jobs import tenant_job

_PIECE_BYTES = 512 * 1024


@transaction.atomic
def create_import(read: Callable[[int], bytes], file_name: str, *, dry_run: bool = False) -> GoodsImport:
    """Keep a file of goods, which `read` gives piece by piece, to be imported later. Raises what `read` raises."""
    kept = GoodsImport.objects.create(file_name=file_name, size=0, dry_run=dry_run)
    number = 0
    while data := read(_PIECE_BYTES):
        ImportPiece.objects.create(goods_import=kept, number=number, data=data)
        kept.size += len(data)
        number += 1
    kept.save(update_fields=["size"])
    return kept


@tenant_job
def run_import(goods_import: int) -> None:
    """Import a file that was handed in, and write down what came of it; nothing if that was done before.

    The goods, and that they were imported, are one transaction: killed in the midst of it, it can be called again.
    """
    with transaction.atomic():
        waiting = GoodsImport.objects.select_for_update().filter(pk=goods_import, status=GoodsImport.Status.WAITING)
        kept = waiting.first()
        if kept is None:
            return
        try:
            report = import_goods(cast(BinaryIO, _Pieces(kept)), dry_run=kept.dry_run)
        except ImportRefused as refused:
            kept.status, kept.errors = GoodsImport.Status.REFUSED, [str(problem) for problem in refused.problems]
        else:
            kept.status, kept.report = GoodsImport.Status.DONE, report.as_json()
        kept.finished_at = timezone.now()
        kept.save()
        kept.pieces.all().delete()


class _Pieces(RawIOBase):
    """The pieces of a file, read as one; one of them is in memory at a time."""

    def __init__(self, kept: GoodsImport) -> None:
        super().__init__()
        self._pieces = kept.pieces.order_by("number").values_list("data", flat=True)
        self._number = 0
        self._piece = BytesIO()

    def readable(self) -> bool:
        return True

    def readline(self, size: int | None = -1) -> bytes:  # type: ignore[override]
        line = self._piece.readline(size)
        while not line.endswith(b"\n") and (size is None or size < 0 or len(line) < size) and self._next():
            left = -1 if size is None or size < 0 else size - len(line)
            line += self._piece.readline(left)
        return line

    def _next(self) -> bool:
        data = self._pieces[self._number : self._number + 1].first()
        self._number += 1
        self._piece = BytesIO(bytes(data or b""))
        return data is not None
