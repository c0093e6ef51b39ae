"""Placing orders for a visitor, and remembering in their session which ones are theirs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils.translation import gettext as _

from shop.orders.cart import Cart
from shop.orders.errors import OrderRefused
from shop.orders.models import Order
from shop.orders.services import CustomerDetails, place_order
from tenants.isolation.sessions import exclusive

_KEY = "orders"
_PLACED_BY = "orders_by_key"
_KEPT = 20


class PriceChanged(OrderRefused):
    """The order costs something else than the customer was told."""

    def __str__(self) -> str:
        return _("A price has changed since you opened this page. Please look at the new total and order again.")


@transaction.atomic
def place_order_at_total(
    agreed_total: Decimal | None, customer: CustomerDetails, quantities: Mapping[int, int], ship_to: str
) -> Order:
    """Place the order, or raise `OrderRefused`; at another total than the one agreed to it is undone. None: any."""
    order = place_order(customer, quantities, ship_to)
    if agreed_total is not None and order.total != agreed_total:
        raise PriceChanged
    return order


def check_out_cart(
    session: SessionBase, customer: CustomerDetails, ship_to: str, agreed_total: Decimal, key: str
) -> str:
    """Place the order of what is in the session's cart, and return its number; or of the order that was placed before.

    A form that is sent again is known by its key, also while the first is being placed. Another form of the same
    session finds the cart empty then, and is answered with the last order. Raises `OrderRefused`.
    """
    with exclusive(session):
        placed: dict[str, str] = session.get(_PLACED_BY, {})
        cart = Cart(session)
        if key and key in placed:
            return placed[key]
        if not cart.quantities and (numbers := session.get(_KEY)):
            return str(numbers[-1])
        order = place_order_at_total(agreed_total, customer, cart.quantities, ship_to)
        cart.clear()
        remember(session, order)
        if key:
            session[_PLACED_BY] = dict([*placed.items(), (key, order.number)][-_KEPT:])
    return order.number


def remember(session: SessionBase, order: Order) -> None:
    """Let the session see the order from now on; of very many, the last ones."""
    session[_KEY] = [*session.get(_KEY, []), order.number][-_KEPT:]


def has_placed(session: SessionBase, number: str) -> bool:
    """Tell whether the session has placed the order."""
    return number in session.get(_KEY, [])
