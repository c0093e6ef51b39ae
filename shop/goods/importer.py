"""Import of a file of products into the active shop: in one transaction, and idempotent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django.db import connection, transaction

from shop.goods.errors import ImportRefused, Problem
from shop.goods.formats.detect import open_products
from shop.goods.import_plan import ImportPlan
from shop.goods.notes import Notes
from shop.goods.products import Product, ProductFile
from tenants import current_tenant

_BATCH_BYTES = 512 * 1024
"""Written at once: about 1500 rows."""
_PART_BYTES = 300
"""Estimate for a product without its description, a SKU or a picture."""

# Two imports of one shop wait for each other. Reads and orders go on.
_LOCK_GOODS = "LOCK TABLE goods_goods IN SHARE ROW EXCLUSIVE MODE"
# Orders lock SKUs by id, and a file has another order: without this, both could deadlock. Taken when the first existing
# SKU changes; from then on orders wait, and reads go on.
_LOCK_SKUS = "LOCK TABLE goods_sku IN EXCLUSIVE MODE"


@dataclass(slots=True)
class ImportReport:
    """Numbers of goods. Goods with a new or changed SKU or picture count as updated."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skus: int = 0
    """All SKUs in the file."""
    pictures: int = 0
    bytes_read: int = 0
    form: str = ""
    """The recognized kind of file."""
    notes: Notes = field(default_factory=Notes)

    def as_json(self) -> dict[str, Any]:
        counts = ("created", "updated", "unchanged", "skus", "pictures")
        return {
            **{name: getattr(self, name) for name in counts},
            "format": self.form,
            "warnings": self.notes.warnings(),
            "left_out": self.notes.columns(),
        }

    def sentences(self) -> list[str]:
        done = f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged"
        return [f"{done} ({self.skus} variants and {self.pictures} images in the file)", *self.notes.sentences()]


def import_goods(
    source: BinaryIO, *, dry_run: bool = False, on_batch: Callable[[ImportReport], None] = lambda report: None
) -> ImportReport:
    """Create and update goods from a CSV or XLSX of a known kind, as `import_products` does."""
    return import_products(open_products(source, current_tenant().currency), dry_run=dry_run, on_batch=on_batch)


def import_products(
    file: ProductFile, *, dry_run: bool = False, on_batch: Callable[[ImportReport], None] = lambda report: None
) -> ImportReport:
    """Create and update goods from `file` and return the report; `on_batch` gets it after each batch.

    What the file does not have stays as it is: goods, SKUs, pictures, and fields without a column. With `dry_run`,
    the transaction is rolled back. Raises `ImportRefused`; then nothing was changed.
    """
    report = ImportReport(form=file.form, notes=file.notes)
    writer = _Writer(report, drops_duplicate_codes=file.drops_duplicate_codes)
    try:
        with transaction.atomic(), file:
            _execute(_LOCK_GOODS)
            for batch in _batches(file):
                # After the first error, the rest is checked for more, but not written.
                file.problems.add(*writer.write(batch, check_only=bool(file.problems)))
                report.bytes_read, report.form = file.bytes_read, file.form
                on_batch(report)
            if file.problems:
                raise ImportRefused([])
            if not report.skus:
                raise ImportRefused([Problem(reason="The file has no products.")])
            if dry_run:
                transaction.set_rollback(True)
    except ImportRefused as refused:
        file.problems.add(*refused.problems)
        refused.problems = tuple(file.problems.all())
        refused.warnings = report.notes.sentences()
        raise
    return report


class _Writer:
    def __init__(self, report: ImportReport, *, drops_duplicate_codes: bool) -> None:
        self._report = report
        self._drops_duplicate_codes = drops_duplicate_codes
        self._has_locked_skus = False

    def write(self, batch: list[Product], *, check_only: bool) -> list[Problem]:
        """Write and count one batch; return its errors, and then nothing was written."""
        plan = self._plan(batch)
        if check_only:
            self._report.notes.update(plan.notes)
            return plan.problems
        if plan.skus.changed and not self._has_locked_skus:
            _execute(_LOCK_SKUS)
            self._has_locked_skus = True
            # An order may have changed the stock before the lock.
            plan = self._plan(batch)
        if plan.problems:
            return plan.problems
        plan.write()
        self._count(plan, batch)
        self._report.notes.update(plan.notes)
        return []

    def _plan(self, batch: list[Product]) -> ImportPlan:
        return ImportPlan(batch, drops_duplicate_codes=self._drops_duplicate_codes)

    def _count(self, plan: ImportPlan, batch: list[Product]) -> None:
        self._report.created += len(plan.goods.new)
        self._report.updated += len(plan.goods.changed)
        self._report.unchanged += len(batch) - len(plan.goods.new) - len(plan.goods.changed)
        self._report.skus += sum(len(product.skus) for product in batch)
        self._report.pictures += sum(len(product.pictures) for product in batch)


def _batches(file: ProductFile) -> Iterator[list[Product]]:
    batch: list[Product] = []
    size = 0
    for product in file:
        batch.append(product)
        # Not by what was read of the file: some kinds are read completely before the first product.
        size += len(product.fields.get("description", ""))
        size += _PART_BYTES * (1 + len(product.skus) + len(product.pictures))
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
