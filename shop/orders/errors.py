"""Why an order is refused, as sentences for the customer.

OrderRefused
├── EmptyOrder       no lines
├── WrongQuantity    a quantity below one
├── NotForSale       a SKU that was deleted or unpublished
├── OutOfStock       less stock than the quantity
├── PriceChanged     another total than the customer agreed to
└── WrongStatus      a status that does not allow the change
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from shop.goods.models import Sku
    from shop.orders.models import Order


class OrderRefused(Exception):
    """Base of all. `str()` is a sentence in the active language; nothing was changed."""


class EmptyOrder(OrderRefused):
    def __str__(self) -> str:
        return _("Your cart is empty. Add a product first.")


class PriceChanged(OrderRefused):
    def __str__(self) -> str:
        return _("A price has changed since you opened this page. Check the new total and place the order again.")


@dataclass(eq=False, repr=False)
class WrongQuantity(OrderRefused):
    quantity: int

    def __str__(self) -> str:
        return _("Quantity %(quantity)s is not valid. Order at least one.") % {"quantity": self.quantity}


@dataclass(eq=False, repr=False)
class NotForSale(OrderRefused):
    sku_id: int
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return _("%(goods)s is no longer available. Remove it from your cart.") % {"goods": self.name}
        return _("A product in your cart is no longer available. Remove it.")


@dataclass(eq=False, repr=False)
class OutOfStock(OrderRefused):
    sku: Sku
    wanted: int

    @property
    def left(self) -> int:
        return self.sku.max_quantity or 0

    def __str__(self) -> str:
        if not self.left:
            return _("%(goods)s is sold out.") % {"goods": self.sku}
        return ngettext(
            "Only %(left)s of %(goods)s is in stock; you ordered %(wanted)s.",
            "Only %(left)s of %(goods)s are in stock; you ordered %(wanted)s.",
            self.left,
        ) % {"left": self.left, "goods": self.sku, "wanted": self.wanted}


@dataclass(eq=False, repr=False)
class WrongStatus(OrderRefused):
    order: Order
    wanted: str

    def __str__(self) -> str:
        return _("Order %(number)s is %(status)s and cannot become %(wanted)s.") % {
            "number": self.order.number,
            "status": self.order.get_status_display(),
            "wanted": type(self.order).Status(self.wanted).label,
        }
