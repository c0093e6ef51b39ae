"""Takes a file of products into the active shop: whole or not at all, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django.db import connection, transaction

from shop.goods.errors import ImportRefused, Problem
from shop.goods.formats.detect import open_products
from shop.goods.import_plan import Plan
from shop.goods.notes import Notes
from shop.goods.products import Product, ProductFile
from tenants import current_tenant

_BYTES_OF_BATCH = 512 * 1024
"""How much is written at once: some 1500 rows."""
_BYTES_OF_PART = 300
"""Of a product, a sku or a picture without the description, about."""

# Two imports of one shop wait for one another; everybody may read meanwhile, and orders be placed.
_LOCK_GOODS = "LOCK TABLE goods_goods IN SHARE ROW EXCLUSIVE MODE"
# Orders lock skus in the order of their ids and a file has them in another: without this, both could wait for each
# other. Taken when the first sku that the shop has changes; from then on orders wait, and nobody who just looks.
_LOCK_SKUS = "LOCK TABLE goods_sku IN EXCLUSIVE MODE"


@dataclass(slots=True)
class ImportReport:
    """What an import did, in numbers of goods; goods of which a sku or picture is new or differs are updated."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skus: int = 0
    """All skus in the file."""
    pictures: int = 0
    bytes_read: int = 0
    form: str = ""
    """What kind of file it was taken for."""
    notes: Notes = field(default_factory=Notes)
    """What of it was taken otherwise than it says, and what was left out."""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        counts = ("created", "updated", "unchanged", "skus", "pictures")
        return {
            **{name: getattr(self, name) for name in counts},
            "format": self.form,
            "warnings": self.notes.warnings(),
            "left_out": self.notes.columns(),
        }

    def sentences(self) -> list[str]:
        """Return it for people."""
        done = f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged"
        return [f"{done} ({self.skus} skus, {self.pictures} pictures in the file)", *self.notes.sentences()]


def import_goods(
    source: BinaryIO, *, dry_run: bool = False, on_batch: Callable[[ImportReport], None] = lambda report: None
) -> ImportReport:
    """Create and update goods from a CSV or XLSX of a kind that is known; all else is as `import_products` has it."""
    return import_products(open_products(source, current_tenant().currency), dry_run=dry_run, on_batch=on_batch)


def import_products(
    file: ProductFile, *, dry_run: bool = False, on_batch: Callable[[ImportReport], None] = lambda report: None
) -> ImportReport:
    """Create and update goods from `file` and return what was done; `on_batch` hears how far it is.

    What the file does not name stays: goods, skus, pictures, and fields whose column is missing. A `dry_run` does
    it all and takes it back. Raises `ImportRefused`, and then nothing was changed.
    """
    report = ImportReport(form=file.form, notes=file.notes)
    writer = _Writer(report, drops_duplicate_codes=file.drops_duplicate_codes)
    try:
        with transaction.atomic(), file:
            _execute(_LOCK_GOODS)
            for batch in _batches(file):
                # After the first problem the rest is looked at for more of them, but not written any more.
                file.problems.add(*writer.write(batch, only_look=bool(file.problems)))
                report.bytes_read, report.form = file.bytes_read, file.form
                on_batch(report)
            if file.problems:
                raise ImportRefused([])
            if not report.skus:
                raise ImportRefused([Problem(reason="There are no goods in the file.")])
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
        self._takes_what_it_can = drops_duplicate_codes
        self._has_locked_skus = False

    def write(self, batch: list[Product], *, only_look: bool) -> list[Problem]:
        """Write one batch and count it; return what stands against it, and then nothing of it was written."""
        plan = self._plan(batch)
        if only_look:
            self._report.notes.update(plan.notes)
            return plan.problems
        if plan.skus.changed and not self._has_locked_skus:
            _execute(_LOCK_SKUS)
            self._has_locked_skus = True
            # An order may have taken pieces out of stock since: look again, now that none can.
            plan = self._plan(batch)
        if plan.problems:
            return plan.problems
        plan.write()
        self._count(plan, batch)
        self._report.notes.update(plan.notes)
        return []

    def _plan(self, batch: list[Product]) -> Plan:
        return Plan(batch, drops_duplicate_codes=self._takes_what_it_can)

    def _count(self, plan: Plan, batch: list[Product]) -> None:
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
        # Not what was read of the file: some kinds are read as a whole before the first product is known.
        size += len(product.fields.get("description", ""))
        size += _BYTES_OF_PART * (1 + len(product.skus) + len(product.pictures))
        if size >= _BYTES_OF_BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
