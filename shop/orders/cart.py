"""The cart: SKU ids and quantities in the session. Prices and stock are read when it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase

from shop.goods import money
from shop.goods.models import Sku
from tenants.isolation.sessions import exclusive
from tenants.variants import resolve

MAX_QUANTITY = 99
"""Maximum for one SKU in one cart."""
MAX_LINES = 100
"""Every page reads the session, so that it must stay small."""

_KEY = "cart"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartLine:
    """A quantity of one SKU at today's price."""

    sku: Sku
    """With what `SkuQuerySet.priced` adds."""
    quantity: int

    @property
    def amount(self) -> Decimal:
        return money.amount_of(self.sku.selling_price, self.quantity)

    @property
    def is_short(self) -> bool:
        """Whether the stock does not cover the quantity."""
        return not self.sku.covers(self.quantity)

    @property
    def is_on_back_order(self) -> bool:
        """Whether a part of the quantity is not in stock yet."""
        return self.sku.track_stock and self.sku.allow_backorders and self.sku.stock < self.quantity


class Cart:
    def __init__(self, session: SessionBase) -> None:
        self._session = session

    def __len__(self) -> int:
        return sum(self.quantities.values())

    @property
    def quantities(self) -> dict[int, int]:
        """Quantities by SKU id, in the order in which they were added."""
        return {int(sku_id): quantity for sku_id, quantity in self._session.get(_KEY, {}).items()}

    def set(self, sku_id: int, quantity: int) -> None:
        """Set the quantity of a SKU, at most `MAX_QUANTITY`; 0 removes it."""
        with exclusive(self._session):
            self._set(sku_id, quantity)

    def add(self, sku_id: int, quantity: int, max_quantity: int | None) -> int:
        """Add to the quantity of a SKU, up to `max_quantity`; return the quantity that was wanted."""
        with exclusive(self._session):
            wanted = self.quantities.get(sku_id, 0) + quantity
            self._set(sku_id, wanted if max_quantity is None else min(wanted, max_quantity))
        return wanted

    def change(self, sku_id: int, quantity: int) -> None:
        """Set the quantity of a SKU, if it is still in the cart."""
        with exclusive(self._session):
            if sku_id in self.quantities:
                self._set(sku_id, quantity)

    def clear(self) -> None:
        self._session.pop(_KEY, None)

    def lines(self) -> list[CartLine]:
        """Return the lines of the cart, and remove SKUs that are no longer for sale. Takes two queries, or none."""
        quantities = self.quantities
        if not quantities:
            return []
        skus = resolve(Sku).objects.for_sale().priced()
        found = skus.select_related("goods").prefetch_related("goods__pictures").in_bulk(list(quantities))
        for sku_id in quantities.keys() - found.keys():
            self.set(sku_id, 0)
        return [
            CartLine(sku=found[sku_id], quantity=wanted) for sku_id, wanted in quantities.items() if sku_id in found
        ]

    def _set(self, sku_id: int, quantity: int) -> None:
        quantities = self.quantities
        if quantity > 0:
            quantities[sku_id] = min(quantity, MAX_QUANTITY)
        else:
            quantities.pop(sku_id, None)
        # Sessions are JSON, whose keys are strings.
        self._session[_KEY] = {str(sku_id): quantity for sku_id, quantity in list(quantities.items())[:MAX_LINES]}


def total_of(lines: list[CartLine]) -> Decimal:
    return money.total_of(line.amount for line in lines)
