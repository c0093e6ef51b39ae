"""Takes a file of products into the active shop: whole or not at all, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, Self

from django.db import connection, transaction

from shop.goods.errors import ImportRefused, Problem
from shop.goods.import_plan import Plan
from shop.goods.shopify_csv import Product, ShopifyCsv
from tenants import current_tenant

_BYTES_OF_BATCH = 512 * 1024
"""How much of the file is written at once: some 1500 rows."""

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


class ProductFile(Protocol):
    """Products in a file, to be iterated once, inside a `with` block."""

    problems: list[Problem]
    """What is wrong with it, as far as it was read. A product that is wrong is not given."""

    @property
    def bytes_read(self) -> int:
        """How much of the file was read."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[Product]:
        """Give the products; raise `ImportRefused` at once for what makes reading on senseless."""


def import_goods(
    source: BinaryIO, *, dry_run: bool = False, on_batch: Callable[[ImportReport], None] = lambda report: None
) -> ImportReport:
    """Create and update goods from a product CSV of Shopify's; all else is as `import_products` has it."""
    return import_products(ShopifyCsv(source, current_tenant().currency), dry_run=dry_run, on_batch=on_batch)


def import_products(
    file: ProductFile, *, dry_run: bool = False, on_batch: Callable[[ImportReport], None] = lambda report: None
) -> ImportReport:
    """Create and update goods from `file` and return what was done; `on_batch` hears how far it is.

    What the file does not name stays: goods, skus, pictures, and fields whose column is missing. A `dry_run` does
    it all and takes it back. Raises `ImportRefused`, and then nothing was changed.
    """
    report = ImportReport()
    writer = _Writer(report)
    with transaction.atomic(), file:
        _execute(_LOCK_GOODS)
        for batch in _batches(file):
            # After the first problem the rest is read for more of them, but not written any more.
            if not file.problems:
                file.problems += writer.write(batch)
            report.bytes_read = file.bytes_read
            on_batch(report)
        if file.problems:
            raise ImportRefused(file.problems)
        if not report.skus:
            raise ImportRefused([Problem(reason="There are no goods in the file.")])
        if dry_run:
            transaction.set_rollback(True)
    return report


class _Writer:
    def __init__(self, report: ImportReport) -> None:
        self._report = report
        self._has_locked_skus = False

    def write(self, batch: list[Product]) -> list[Problem]:
        """Write one batch and count it; return what stood against it, and then nothing of it was written."""
        plan = Plan(batch)
        if plan.skus.changed and not self._has_locked_skus:
            _execute(_LOCK_SKUS)
            self._has_locked_skus = True
            # An order may have taken pieces out of stock since: look again, now that none can.
            plan = Plan(batch)
        if plan.problems:
            return plan.problems
        plan.write()
        self._count(plan, batch)
        return []

    def _count(self, plan: Plan, batch: list[Product]) -> None:
        self._report.created += len(plan.goods.new)
        self._report.updated += len(plan.goods.changed)
        self._report.unchanged += len(batch) - len(plan.goods.new) - len(plan.goods.changed)
        self._report.skus += sum(len(product.skus) for product in batch)
        self._report.pictures += sum(len(product.pictures) for product in batch)


def _batches(file: ProductFile) -> Iterator[list[Product]]:
    batch: list[Product] = []
    read_before = 0
    for product in file:
        batch.append(product)
        if file.bytes_read - read_before >= _BYTES_OF_BATCH:
            yield batch
            batch, read_before = [], file.bytes_read
    yield batch


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
