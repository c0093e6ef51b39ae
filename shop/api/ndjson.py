"""Goods from JSON lines, each one like the body of POST /goods."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from decimal import Decimal

from pydantic import ValidationError

from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.money import AmountIn
from shop.api.schemas.skus import SkuIn
from shop.api.uploads import Upload
from shop.goods.errors import ImportRefused, Problem
from shop.goods.money import exponent, fits_currency
from shop.goods.products import Part, Product, ProductFile
from tenants import current_tenant
from tenants.contrib.api.errors import APIError

_MAX_LINE_BYTES = 4 * 1024 * 1024

Location = tuple[str | int, ...]


class _BadLine(Exception):
    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


class NdjsonGoods(ProductFile):
    """The products in an upload."""

    drops_duplicate_codes = False
    form = "JSON lines"

    def __init__(self, source: Upload, schemas: VersionSchemas) -> None:
        super().__init__()
        self._source = source
        self._schemas = schemas
        self._currency = current_tenant().currency

    @property
    def bytes_read(self) -> int:
        return self._source.bytes_read

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
                reason = f"longer than {_MAX_LINE_BYTES // 1024 // 1024} MB. Write one product per line."
                raise ImportRefused([Problem(line=number, reason=reason)])
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip():
                yield number, line

    def _read(self, number: int, line: bytes) -> Product:
        try:
            sent = self._schemas.goods_in.model_validate_json(line)
        except ValidationError as error:
            raise _BadLine(*(_problem(number, one["loc"], one["msg"]) for one in error.errors())) from error
        self._check_first(number, "handle", sent.slug, ("slug",))
        # The slug identifies the goods; the others are not fields of the model, or are read below.
        fields = sent.model_dump(exclude_unset=True, exclude={"slug", "category", "skus", "pictures"})
        category = (sent.category or "") if "category" in sent.model_fields_set else None
        product = Product(number, sent.slug, fields, category)
        product.fields.setdefault("option_names", [])
        for place, sku in enumerate(sent.skus):
            self._add_sku(product, ("skus", place), sku)
        for place, picture in enumerate(sent.pictures):
            about = {"source_url": picture.url, "alt": picture.alt, "position": place + 1}
            product.pictures.setdefault(picture.url, Part(number, about))
        return product

    def _add_sku(self, product: Product, at: Location, sku: SkuIn) -> None:
        options = tuple(sku.option_values)
        if len(options) != len(product.fields["option_names"]):
            raise _bad(product.line, (*at, "option_values"), "send one value for each of option_names.")
        if options in product.skus:
            raise _bad(product.line, (*at, "option_values"), "another SKU of this product has the same values.")
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

    def _amount(self, line: int, at: Location, sent: AmountIn) -> Decimal:
        try:
            amount = self._schemas.money.read(sent, str(at[-1]))
        except APIError as refused:
            raise _bad(line, at, refused.errors[0].msg) from refused
        if not fits_currency(amount, self._currency):
            raise _bad(line, at, f"{self._currency} has {exponent(self._currency)} decimal places.")
        return amount

    def _check_first(self, line: int, kind: str, name: str, at: Location) -> None:
        first = self._seen.first_line(kind, name, line)
        if first != line:
            raise _bad(line, at, f"{name!r} is already on line {first}.")


def _bad(line: int, at: Location, reason: str) -> _BadLine:
    return _BadLine(_problem(line, at, reason))


def _problem(line: int, at: Location, reason: str) -> Problem:
    return Problem(line=line, column="/".join(str(part) for part in at), reason=reason)
