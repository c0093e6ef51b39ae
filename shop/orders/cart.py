"""The cart: sku ids and quantities in the visitor's session; prices and stock are asked for when they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase

from shop.goods import money
from shop.goods.models import Sku
from tenants.isolation.sessions import exclusive
from tenants.variants import resolve

MAX_QUANTITY = 99
"""Of one sku in one cart."""
MAX_LINES = 100
"""A session is a row that is read with every page: it stays small."""

_KEY = "cart"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """Some pieces of one sku, as they cost today."""

    sku: Sku
    """With its prices, as `priced` furnishes it."""
    quantity: int

    @property
    def amount(self) -> Decimal:
        """What the line costs."""
        return money.amount_of(self.sku.selling_price, self.quantity)

    @property
    def is_short(self) -> bool:
        """Whether fewer pieces may be ordered than are wanted."""
        return not self.sku.covers(self.quantity)

    @property
    def is_on_back_order(self) -> bool:
        """Whether some of the pieces are still to come."""
        return self.sku.track_stock and self.sku.allow_backorders and self.sku.stock < self.quantity


class Cart:
    """What one visitor means to buy."""

    def __init__(self, session: SessionBase) -> None:
        self._session = session

    def __len__(self) -> int:
        """How many pieces are in it."""
        return sum(self.quantities.values())

    @property
    def quantities(self) -> dict[int, int]:
        """Sku id → pieces, in the order in which they were put in."""
        return {int(sku_id): quantity for sku_id, quantity in self._session.get(_KEY, {}).items()}

    def set(self, sku_id: int, quantity: int) -> None:
        """Have so many pieces of a sku in the cart; none take it out. More than `MAX_QUANTITY` are cut to that."""
        with exclusive(self._session):
            self._set(sku_id, quantity)

    def add(self, sku_id: int, quantity: int, most: int | None) -> int:
        """Put more pieces of a sku into the cart, `most` at most (None: any number); return how many were wanted."""
        with exclusive(self._session):
            wanted = self.quantities.get(sku_id, 0) + quantity
            self._set(sku_id, wanted if most is None else min(wanted, most))
        return wanted

    def change(self, sku_id: int, quantity: int) -> None:
        """Have so many pieces of a sku that is in the cart; nothing, if it is not in it any more."""
        with exclusive(self._session):
            if sku_id in self.quantities:
                self._set(sku_id, quantity)

    def _set(self, sku_id: int, quantity: int) -> None:
        quantities = self.quantities
        if quantity > 0:
            quantities[sku_id] = min(quantity, MAX_QUANTITY)
        else:
            quantities.pop(sku_id, None)
        self._keep(quantities)

    def clear(self) -> None:
        """Take everything out."""
        self._session.pop(_KEY, None)

    def lines(self) -> list[CartLine]:
        """Return what is in the cart, and drop what is no longer for sale: two queries, none for an empty cart."""
        quantities = self.quantities
        if not quantities:
            return []
        skus = resolve("goods.models.Sku").objects.for_sale().priced()
        found = skus.select_related("goods").prefetch_related("goods__pictures").in_bulk(list(quantities))
        for sku_id in quantities.keys() - found.keys():
            self.set(sku_id, 0)
        return [
            CartLine(sku=found[sku_id], quantity=wanted) for sku_id, wanted in quantities.items() if sku_id in found
        ]

    def _keep(self, quantities: dict[int, int]) -> None:
        # JSON, in which sessions are kept, has text keys alone.
        self._session[_KEY] = {str(sku_id): quantity for sku_id, quantity in list(quantities.items())[:MAX_LINES]}


def total_of(lines: list[CartLine]) -> Decimal:
    """Return what the lines cost together."""
    return money.total_of(line.amount for line in lines)
