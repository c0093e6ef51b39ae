"""Base of the readers of product files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.utils.text import slugify

from shop.goods.csv_cells import Columns
from shop.goods.errors import Problem
from shop.goods.files.table import Record, Table
from shop.goods.formats.cell_errors import BadCell, Changed
from shop.goods.formats.numbers import read_price
from shop.goods.formats.values import read_address
from shop.goods.notes import Kind
from shop.goods.products import Part, Product, ProductFile

_MAX_SLUG_LENGTH = 200


class ProductReader(ProductFile):
    """The products in a table. A subclass has `name`, `columns()` and `__iter__()`."""

    name: str

    def __init__(self, table: Table, currency: str) -> None:
        super().__init__()
        self._table = table
        self._currency = currency
        self.notes.left_out = table.left_out
        table.select({name.lower(): column for name, column in self.columns(table.header).items()})

    def columns(self, header: list[str]) -> Mapping[str, str]:
        """Return the columns that are read, and their names in records."""
        raise NotImplementedError

    @property
    def form(self) -> str:
        return f"{self.name}, {self._table.form}"

    @property
    def bytes_read(self) -> int:
        return self._table.bytes_read

    def wrong(self, record: Record, bad: BadCell) -> None:
        self.problems.add(Problem(line=record.line, column=bad.column, reason=bad.reason))

    def value(self, record: Record, column: str, read: Callable[[str], Any]) -> Any:
        """Return the value of a cell; raise `BadCell` if it is invalid."""
        try:
            found = read(record.cells.get(column, ""))
        except ValueError as error:
            raise BadCell(column, str(error)) from error
        if not isinstance(found, Changed):
            return found
        for kind in found.kinds:
            self.notes.add(kind, record.line)
        return found.value

    def values(self, record: Record, columns: Columns, kept_when_empty: Collection[str] = ()) -> dict[str, Any]:
        """Return the fields that the cells fill. Empty cells of `kept_when_empty` leave their fields as they are."""
        fields = {}
        for column, (name, read) in columns.items():
            text = record.cells.get(column)
            is_kept = column in kept_when_empty or getattr(read, "is_kept_when_empty", False)
            if text or (text is not None and not is_kept):
                fields[name] = self.value(record, column, read)
        return fields

    def code(self, record: Record, code: str) -> dict[str, str]:
        """Return the field of a code; none if another SKU of the file has it."""
        if code and self._seen.first_line("code", code, record.line) != record.line:
            self.notes.add(Kind.REPEATED_CODE, record.line)
            return {}
        return {"code": code}


class MappedProducts(ProductReader):
    """Base of the readers of other shops' files, which have no handles. A subclass has `products()`."""

    def products(self) -> Iterator[tuple[Record, Callable[[], Product | None]]]:
        """Yield the records of products, and functions that read them or raise `BadCell`."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Product]:
        for record, read in self.products():
            try:
                product = read()
            except BadCell as bad:
                self.wrong(record, bad)
            else:
                if product and product.skus:
                    yield product

    def price(self, record: Record, column: str) -> Decimal | None:
        price: Decimal | None = self.value(
            record, column, lambda text: read_price(text, self._currency) if text else None
        )
        return price

    def text(self, record: Record, column: str, text: str, read: Callable[[str], Any]) -> str:
        """Return the value of a text, as if it were the cell."""
        value: str = self.value(Record(record.line, {column: text}), column, read)
        return value

    def is_published(self, record: Record, *conditions: bool) -> bool:
        if not all(conditions):
            self.notes.add(Kind.NOT_PUBLISHED, record.line)
        return all(conditions)

    def slug(self, record: Record, name: str, own: str) -> str:
        """Return a handle made of the name, and of the product's own number if another product has the name."""
        slug = slugify(name, allow_unicode=True)[:_MAX_SLUG_LENGTH] or slugify(own) or f"product-{record.line}"
        if self._seen.first_line("handle", slug, record.line) == record.line:
            return slug
        return f"{slug}-{slugify(own, allow_unicode=True)[:50] or record.line}"

    def add_pictures(self, product: Product, addresses: list[str]) -> None:
        for address in filter(None, map(str.strip, addresses)):
            if not address.startswith(("http://", "https://", "//")):
                self.notes.add(Kind.LEFT_OUT_PICTURE, product.line)
                continue
            url = self.value(Record(product.line, {"": address}), "", read_address)
            fields = {"source_url": url, "position": len(product.pictures) + 1}
            product.pictures.setdefault(url, Part(product.line, fields))
