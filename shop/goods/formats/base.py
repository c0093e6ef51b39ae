"""What the readers of other shops' files have in common: handles of names, and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Self

from django.utils.text import slugify

from shop.goods.errors import Problem, Problems
from shop.goods.files.table import Record, Table
from shop.goods.formats.values import BadCell, Changed, read_address, read_price
from shop.goods.notes import Kind, Notes
from shop.goods.products import Part, Product, Seen

_LONGEST_SLUG = 200


class ProductReader:
    """Base of the readers: a subclass has `name`, `columns()` and `read()`. It is used inside a `with` block."""

    name: str
    drops_duplicate_codes = True

    def __init__(self, table: Table, currency: str) -> None:
        self._table = table
        self._currency = currency
        self.problems = Problems()
        self.notes = Notes()
        self.notes.left_out = table.left_out
        self._seen = Seen()
        table.select({name.lower(): column for name, column in self.columns(table.header).items()})

    def columns(self, header: list[str]) -> Mapping[str, str]:
        """Return the columns that are read, and what `read` calls them."""
        raise NotImplementedError

    def read(self) -> Iterator[Product]:
        """Give the products."""
        raise NotImplementedError

    @property
    def form(self) -> str:
        """What kind of file it is, in words."""
        return f"{self.name}, {self._table.form}"

    @property
    def bytes_read(self) -> int:
        """How much of the file was read."""
        return self._table.bytes_read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()

    def __iter__(self) -> Iterator[Product]:
        return self.read()

    def value(self, record: Record, column: str, read: Callable[[str], Any]) -> Any:
        """Return what a cell means; raise `BadCell` if it means nothing."""
        try:
            found = read(record.cells.get(column, ""))
        except ValueError as error:
            raise BadCell(column, str(error)) from error
        if not isinstance(found, Changed):
            return found
        for kind in found.kinds:
            self.notes.add(kind, record.line)
        return found.value

    def price(self, record: Record, column: str) -> Decimal | None:
        """Return an amount of money, None for an empty cell."""
        return self.value(record, column, lambda text: read_price(text, self._currency) if text else None)

    def slug(self, record: Record, name: str, own: str) -> str:
        """Return a handle made of a name, and of the product's own number where another product has the name."""
        slug = slugify(name, allow_unicode=True)[:_LONGEST_SLUG] or slugify(own) or f"product-{record.line}"
        if self._seen.first_line("handle", slug, record.line) == record.line:
            return slug
        return f"{slug}-{slugify(own, allow_unicode=True)[:50] or record.line}"

    def code(self, record: Record, code: str) -> dict[str, str]:
        """Return the field of a code, none if another sku of the file has it."""
        if code and self._seen.first_line("code", code, record.line) != record.line:
            self.notes.add(Kind.REPEATED_CODE, record.line)
            return {}
        return {"code": code}

    def add_pictures(self, product: Product, addresses: list[str]) -> None:
        """Add those pictures that have an address on the web."""
        for address in addresses:
            if not address.startswith(("http://", "https://", "//")):
                self.notes.add(Kind.LEFT_OUT_PICTURE, product.line)
                continue
            url = self.value(Record(product.line, {"": address}), "", read_address)
            fields = {"source_url": url, "position": len(product.pictures) + 1}
            product.pictures.setdefault(url, Part(product.line, fields))

    def wrong(self, record: Record, bad: BadCell) -> None:
        """Note what cannot be taken."""
        self.problems.add(Problem(line=record.line, column=bad.column, reason=bad.reason))
