"""The product file of Cafe24 (쇼핑몰 상품 엑셀), as CSV or XLSX: a row for each product.

| column | becomes |
|---|---|
| 상품명 | name and handle |
| 상품코드 | end of the handle where two products have the same name |
| 자체 상품코드 | code, if there is one SKU |
| 진열상태, 판매상태 | published, if both are Y |
| 상품 상세설명, else 상품 간략설명 or 상품 요약설명 | description |
| 검색어설정 | tags |
| 판매가, 소비자가 | price, and compare-at price if it is higher |
| 옵션사용, 옵션입력 | options: `색상{블랙|화이트}//사이즈{S|M}` is four SKUs |
| 이미지등록(상세), 이미지등록(추가) | pictures, if they are URLs |
| 상품 전체중량(kg) | weight |
| 재고수량, 재고관리 | stock; without these columns, it is not tracked |

Categories, manufacturers and brands are Cafe24's own numbers. They are left out, and the report says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from itertools import product as combinations
from math import prod
from typing import Any

from shop.goods.files.table import Record
from shop.goods.formats.base import MappedProducts
from shop.goods.formats.cell_errors import BadCell
from shop.goods.formats.numbers import read_grams, read_stock
from shop.goods.formats.values import read_body, read_code, read_option, read_tags, read_title
from shop.goods.notes import Kind
from shop.goods.products import MAX_ROWS, Part, Product

_COLUMNS = [
    "상품명", "상품코드", "자체 상품코드", "진열상태", "판매상태", "상품 상세설명", "상품 간략설명", "상품 요약설명",
    "검색어설정", "판매가", "소비자가", "옵션사용", "옵션입력", "이미지등록(상세)", "이미지등록(추가)",
    "상품 전체중량(kg)", "재고수량", "재고관리",
]  # fmt: skip
_YES = frozenset(["Y", "T", "TRUE", "사용", "사용함", "진열함", "판매함", ""])
_OPTION = re.compile(r"\s*([^{}]+?)\s*\{([^{}]*)\}\s*")


class Cafe24Products(MappedProducts):
    name = "Cafe24"

    @staticmethod
    def fits(columns: frozenset[str]) -> bool:
        """Tell whether a header, in lower case, is of this kind."""
        return {"상품명", "판매가"} <= columns and bool({"상품코드", "진열상태", "옵션입력"} & columns)

    def columns(self, header: list[str]) -> Mapping[str, str]:
        return {column: column for column in _COLUMNS}

    def products(self) -> Iterator[tuple[Record, Callable[[], Product | None]]]:
        for record in self._table:
            yield record, partial(self._read, record)

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
            "is_published": self.is_published(
                record, self._is_yes(record, "진열상태"), self._is_yes(record, "판매상태")
            ),
        }
        product = Product(record.line, self.slug(record, name, cells.get("상품코드", "")), fields, None)
        self._add_skus(product, record)
        more = re.split(r"[|,]", cells.get("이미지등록(추가)", ""))
        self.add_pictures(product, [cells.get("이미지등록(상세)", ""), *more])
        return product

    def _is_yes(self, record: Record, column: str) -> bool:
        return record.cells.get(column, "").upper() in _YES

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
        fields: dict[str, Any] = {
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
            if "stock" not in fields:  # Cafe24 tracks stock only where that is turned on
                part.if_new["track_stock"] = False
            product.skus.setdefault(tuple(chosen), part)

    def _options(self, record: Record) -> tuple[list[str], list[list[str]]]:
        text = record.cells.get("옵션입력", "")
        if not text or not self._is_yes(record, "옵션사용"):
            return [], [[]]
        found = [_OPTION.fullmatch(part) for part in text.split("//")]
        if not all(found):
            raise BadCell(
                "옵션입력", f"{text[:60]!r} is not a list of options. Write it as 색상{{블랙|화이트}}//사이즈{{S|M}}."
            )
        names = [self._option(record, one[1]) for one in found if one]
        values = [
            list(dict.fromkeys(self._option(record, value.strip()) for value in one[2].split("|") if value.strip()))
            for one in found
            if one
        ]
        if prod(len(one) for one in values) > MAX_ROWS:
            raise BadCell("옵션입력", f"the options make more than {MAX_ROWS} variants.")
        if not all(values):
            raise BadCell("옵션입력", "an option has no values.")
        return names, [list(chosen) for chosen in combinations(*values)]

    def _option(self, record: Record, text: str) -> str:
        return self.text(record, "옵션입력", text, read_option)

    def _stock(self, record: Record) -> dict[str, int | bool]:
        if not record.cells.get("재고수량") or not self._is_yes(record, "재고관리"):
            return {}
        return {"track_stock": True, "stock": self.value(record, "재고수량", read_stock)}

    def _weight(self, record: Record) -> dict[str, int]:
        column = "상품 전체중량(kg)"
        if not record.cells.get(column):
            return {}
        return {"weight_grams": self.value(record, column, partial(read_grams, unit=Decimal(1000)))}
