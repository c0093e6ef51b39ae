"""Reads the product file of Cafe24 (쇼핑몰 상품 엑셀), as CSV or XLSX: a row for each product.

| column | what becomes of it |
|---|---|
| 상품명 | name, and the handle |
| 상품코드 | the end of the handle where two products have one name |
| 자체 상품코드 | code of the sku, if it is the only one |
| 진열상태, 판매상태 | published, if both say so (Y) |
| 상품 상세설명, else 상품 간략설명 or 상품 요약설명 | description |
| 검색어설정 | tags |
| 판매가, 소비자가 | price, and price before if it is higher |
| 옵션사용, 옵션입력 | options: `색상{블랙|화이트}//사이즈{S|M}` is four skus |
| 이미지등록(상세), 이미지등록(추가) | pictures, if they are addresses |
| 상품 전체중량(kg) | weight |
| 재고수량, 재고관리 | stock, if the file has it; else the stock is not counted |

Categories, makers and brands are numbers of Cafe24's own, which mean nothing here: left out, and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product as combinations
from math import prod

from shop.goods.files.table import Record
from shop.goods.formats.base import ProductReader
from shop.goods.formats.values import (
    BadCell,
    Changed,
    read_body,
    read_code,
    read_grams,
    read_option,
    read_stock,
    read_tags,
    read_title,
    rounded_grams,
)  # fmt: skip
from shop.goods.notes import Kind
from shop.goods.products import MAX_ROWS, Part, Product

_COLUMNS = [
    "상품명", "상품코드", "자체 상품코드", "진열상태", "판매상태", "상품 상세설명", "상품 간략설명", "상품 요약설명",
    "검색어설정", "판매가", "소비자가", "옵션사용", "옵션입력", "이미지등록(상세)", "이미지등록(추가)",
    "상품 전체중량(kg)", "재고수량", "재고관리",
]  # fmt: skip
_YES = frozenset(["Y", "T", "TRUE", "사용", "사용함", "진열함", "판매함", ""])
_OPTION = re.compile(r"\s*([^{}]+?)\s*\{([^{}]*)\}\s*")


class Cafe24Products(ProductReader):
    """The products in a table."""

    name = "Cafe24"

    @staticmethod
    def fits(columns: frozenset[str]) -> bool:
        """Tell whether a header, in lower case, is of this kind."""
        return {"상품명", "판매가"} <= columns and bool({"상품코드", "진열상태", "옵션입력"} & columns)

    def columns(self, header: list[str]) -> Mapping[str, str]:
        return {column: column for column in _COLUMNS}

    def read(self) -> Iterator[Product]:
        for record in self._table:
            try:
                product = self._read(record)
            except BadCell as bad:
                self.wrong(record, bad)
            else:
                if product:
                    yield product

    def _read(self, record: Record) -> Product | None:
        cells = record.cells
        name = self.value(record, "상품명", read_title)
        if not cells["판매가"]:
            self.notes.add(Kind.NO_PRICE, record.line)
            return None
        fields = {
            "name": name,
            "description": self._description(record),
            "tags": self.value(record, "검색어설정", read_tags),
            "is_published": all(cells.get(column, "").upper() in _YES for column in ("진열상태", "판매상태")),
        }
        if not fields["is_published"]:
            self.notes.add(Kind.NOT_PUBLISHED, record.line)
        product = Product(record.line, self.slug(record, name, cells.get("상품코드", "")), fields, None)
        self._add_skus(product, record)
        more = re.split(r"[|,]", cells.get("이미지등록(추가)", ""))
        self.add_pictures(product, [one.strip() for one in [cells.get("이미지등록(상세)", ""), *more] if one.strip()])
        return product

    def _description(self, record: Record) -> str:
        texts = [name for name in ("상품 상세설명", "상품 간략설명", "상품 요약설명") if record.cells.get(name)]
        if len(texts) > 1:
            self.notes.add(Kind.SHORT_TEXT, record.line)
        text: str = self.value(record, texts[0], read_body) if texts else ""
        return text

    def _add_skus(self, product: Product, record: Record) -> None:
        names, values = self._options(record)
        product.fields["option_names"] = names
        price, before = self.price(record, "판매가"), self.price(record, "소비자가")
        fields = {
            "price": price,
            "compare_at_price": before if before and price is not None and before > price else None,
            **self._stock(record),
            **self._weight(record),
        }
        code = self.value(record, "자체 상품코드", read_code)
        if code and len(values) > 1:
            self.notes.add(Kind.SHARED_CODE, record.line)
        elif code:
            fields |= self.code(record, code)
        for chosen in values:
            part = Part(record.line, {**fields, "option_values": chosen})
            if "stock" not in fields:  # the file says nothing of it, and Cafe24 counts it only where that is turned on
                part.if_new["track_stock"] = False
            product.skus.setdefault(tuple(chosen), part)

    def _options(self, record: Record) -> tuple[list[str], list[list[str]]]:
        text = record.cells.get("옵션입력", "")
        if not text or record.cells.get("옵션사용", "Y").upper() not in _YES:
            return [], [[]]
        found = [_OPTION.fullmatch(part) for part in text.split("//")]
        if not all(found):
            raise BadCell(
                "옵션입력", f"{text[:60]!r} is no list of options. Write it as 색상{{블랙|화이트}}//사이즈{{S|M}}."
            )
        names = [self._option(one[1]) for one in found if one]
        values = [
            list(dict.fromkeys(self._option(value.strip()) for value in one[2].split("|") if value.strip()))
            for one in found
            if one
        ]
        if prod(len(one) for one in values) > MAX_ROWS:
            raise BadCell("옵션입력", f"the options make more than {MAX_ROWS} skus.")
        if not all(values):
            raise BadCell("옵션입력", "an option has no values.")
        return names, [list(chosen) for chosen in combinations(*values)]

    def _option(self, text: str) -> str:
        try:
            return read_option(text)
        except ValueError as error:
            raise BadCell("옵션입력", str(error)) from error

    def _stock(self, record: Record) -> dict[str, int | bool]:
        quantity = record.cells.get("재고수량", "")
        if not quantity or record.cells.get("재고관리", "").upper() not in _YES:
            return {}
        return {"track_stock": True, "stock": self.value(record, "재고수량", read_stock)}

    def _weight(self, record: Record) -> dict[str, int]:
        def read(text: str) -> int | Changed:
            read_grams(text)  # which knows what is a number
            return rounded_grams(Decimal(text.replace(",", ".")) * 1000)

        column = "상품 전체중량(kg)"
        return {"weight_grams": self.value(record, column, read)} if record.cells.get(column) else {}
