"""Reads goods from lines of JSON, each one of the goods as they are made one by one, and collects what is wrong."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Self

from pydantic import ValidationError

from shop.api.schema_factory import VersionSchemas
from shop.api.uploads import Upload
from shop.goods.errors import ImportRefused, Problem, Problems
from shop.goods.money import exponent, fits_currency
from shop.goods.notes import Notes
from shop.goods.products import Part, Product, Seen
from tenants import current_tenant
from tenants.contrib.api.errors import APIError

_MAX_LINE_BYTES = 4 * 1024 * 1024

_AT_SKUS = ("skus",)
_APART = frozenset(["slug", "category", "skus", "pictures"])
"""Fields that are no fields of goods themselves, or find them."""


class _BadLine(Exception):
    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(*problems)
        self.problems = problems


class NdjsonGoods:
    """The products in an upload, as `shop.goods.products.ProductFile`."""

    drops_duplicate_codes = False
    form = "JSON lines"

    def __init__(self, source: Upload, schemas: VersionSchemas) -> None:
        self.problems = Problems()
        self.notes = Notes()
        self._source = source
        self._shapes = schemas
        self._seen = Seen()
        self._currency = current_tenant().currency

    @property
    def bytes_read(self) -> int:
        """How much of the file was read."""
        return self._source.bytes_read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()

    def __iter__(self) -> Iterator[Product]:
        for number, line in self._lines():
            try:
                yield self._read(number, line)
            except _BadLine as bad:
                self.problems.add(*bad.problems)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        while line := self._source.readline(_MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > _MAX_LINE_BYTES:
                reason = f"the line is longer than {_MAX_LINE_BYTES // 1024 // 1024} MB. One line is one of the goods."
                raise ImportRefused([Problem(line=number, reason=reason)])
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip():
                yield number, line

    def _read(self, number: int, line: bytes) -> Product:
        try:
            sent = self._shapes.goods_in.model_validate_json(line)
        except ValidationError as error:
            raise _BadLine([_problem(number, one["loc"], one["msg"]) for one in error.errors()]) from error
        self._check_first(number, "handle", sent.slug, ("slug",))
        fields = sent.model_dump(exclude_unset=True, exclude=_APART)
        product = Product(number, sent.slug, fields, _category(sent))
        product.fields.setdefault("option_names", [])
        for place, sku in enumerate(sent.skus):
            self._add_sku(product, place, sku)
        for place, picture in enumerate(sent.pictures):
            about = {"source_url": picture.url, "alt": picture.alt, "position": place + 1}
            product.pictures.setdefault(picture.url, Part(number, about))
        return product

    def _add_sku(self, product: Product, place: int, sku: Any) -> None:
        at, options = (*_AT_SKUS, place), tuple(sku.option_values)
        if len(options) != len(product.fields["option_names"]):
            raise _bad(product.line, (*at, "option_values"), "one value is needed for each of option_names.")
        if options in product.skus:
            raise _bad(product.line, (*at, "option_values"), "another sku of these goods has the same.")
        fields = sku.model_dump(exclude_unset=True, exclude={"price", "compare_at_price", "option_values"})
        fields |= {"option_values": list(options)}
        fields["price"] = self._amount(product.line, (*at, "price"), sku.price)
        if "compare_at_price" in sku.model_fields_set:
            before = sku.compare_at_price
            at_before = (*at, "compare_at_price")
            fields["compare_at_price"] = None if before is None else self._amount(product.line, at_before, before)
        if sku.code:
            self._check_first(product.line, "code", sku.code, (*at, "code"))
        product.skus[options] = Part(product.line, fields)

    def _amount(self, line: int, at: tuple[str | int, ...], sent: Any) -> Decimal:
        try:
            amount = self._shapes.money.read(sent, str(at[-1]))
        except APIError as refused:
            raise _bad(line, at, refused.errors[0].msg) from refused
        if not fits_currency(amount, self._currency):
            raise _bad(line, at, f"{self._currency} has {exponent(self._currency)} decimal places.")
        return amount

    def _check_first(self, line: int, kind: str, name: str, at: tuple[str | int, ...]) -> None:
        first = self._seen.first_line(kind, name, line)
        if first != line:
            raise _bad(line, at, f"{name!r} is on line {first} already.")


def _category(sent: Any) -> str | None:
    return (sent.category or "") if "category" in sent.model_fields_set else None


def _bad(line: int, at: tuple[str | int, ...], reason: str) -> _BadLine:
    return _BadLine([_problem(line, at, reason)])


def _problem(line: int, at: tuple[str | int, ...], reason: str) -> Problem:
    return Problem(line=line, column="/".join(str(part) for part in at), reason=reason)
