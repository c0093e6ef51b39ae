"""Uploaded files of goods, imported at once or by a worker."""

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
    """Store a file of goods, which `read` returns piece by piece, for a later import. Raises what `read` raises."""
    created = GoodsImport.objects.create(file_name=file_name, size=0, dry_run=dry_run)
    number = 0
    while data := read(_PIECE_BYTES):
        ImportPiece.objects.create(goods_import=created, number=number, data=data)
        created.size += len(data)
        number += 1
    created.save(update_fields=["size"])
    return created


@tenant_job
def run_import(goods_import: int) -> None:
    """Import a stored file and store the result, unless that was done before.

    Goods and result are written in one transaction: a run that was killed can be repeated.
    """
    with transaction.atomic():
        waiting = GoodsImport.objects.select_for_update().filter(pk=goods_import, status=GoodsImport.Status.WAITING)
        found = waiting.first()
        if found is None:
            return
        try:
            report = import_goods(cast(BinaryIO, _Pieces(found)), dry_run=found.dry_run)
        except ImportRefused as refused:
            found.status, found.errors = GoodsImport.Status.REFUSED, [str(problem) for problem in refused.problems]
        else:
            found.status, found.report = GoodsImport.Status.DONE, report.as_json()
        found.finished_at = timezone.now()
        found.save()
        found.pieces.all().delete()


class _Pieces(RawIOBase):
    """The pieces of a file as one file; one piece at a time is in memory."""

    def __init__(self, goods_import: GoodsImport) -> None:
        super().__init__()
        self._pieces = goods_import.pieces.order_by("number").values_list("data", flat=True)
        self._number = 0
        self._piece = BytesIO()

    def readable(self) -> bool:
        return True

    def readline(self, size: int | None = -1) -> bytes:
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
