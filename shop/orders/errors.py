"""Why an order is refused, in words for the person who ordered.

OrderRefused
├── EmptyOrder       nothing is in it
├── WrongQuantity    a quantity below one
├── NotForSale       a sku that is gone or not published
├── OutOfStock       fewer pieces are left than were wanted
└── WrongStatus      an order that is too far on, or not far enough, for what was asked
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from shop.goods.models import Sku
    from shop.orders.models import Order


class OrderRefused(Exception):
    """Base of them; `str()` is a sentence in the active language. Nothing was changed."""


class EmptyOrder(OrderRefused):
    """Nothing is in it."""

    def __str__(self) -> str:
        return _("There is nothing in this order. Put something into the cart first.")


class WrongQuantity(OrderRefused):
    """A quantity below one."""

    def __init__(self, quantity: int) -> None:
        super().__init__(quantity)
        self.quantity = quantity

    def __str__(self) -> str:
        return _("%(quantity)s is not a number of pieces. Order at least one.") % {"quantity": self.quantity}


class NotForSale(OrderRefused):
    """A sku that is gone or not published."""

    def __init__(self, sku_id: int, name: str = "") -> None:
        super().__init__(sku_id, name)
        self.sku_id = sku_id
        self.name = name

    def __str__(self) -> str:
        if self.name:
            return _("%(goods)s is not for sale any more. Take it out of the cart.") % {"goods": self.name}
        return _("Something in the cart is not for sale any more. Take it out.")


class OutOfStock(OrderRefused):
    """Fewer pieces are left than were wanted."""

    def __init__(self, sku: Sku, wanted: int) -> None:
        super().__init__(sku, wanted)
        self.sku = sku
        self.wanted = wanted
        self.left = sku.most or 0

    def __str__(self) -> str:
        if not self.left:
            return _("%(goods)s is sold out.") % {"goods": self.sku}
        return ngettext(
            "Only %(left)s piece of %(goods)s is left; you asked for %(wanted)s.",
            "Only %(left)s pieces of %(goods)s are left; you asked for %(wanted)s.",
            self.left,
        ) % {"left": self.left, "goods": self.sku, "wanted": self.wanted}


class WrongStatus(OrderRefused):
    """An order that is too far on, or not far enough, for what was asked."""

    def __init__(self, order: Order, wanted: str) -> None:
        super().__init__(order, wanted)
        self.order = order
        self.wanted = wanted

    def __str__(self) -> str:
        return _("Order %(number)s is %(status)s and cannot become %(wanted)s.") % {
            "number": self.order.number,
            "status": self.order.get_status_display(),
            "wanted": type(self.order).Status(self.wanted).label,
        }
