"""Checkout: orders of a session's cart, and which orders a session has placed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction

from shop.orders.cart import Cart
from shop.orders.errors import PriceChanged
from shop.orders.models import Order
from shop.orders.services import CustomerDetails, place_order
from tenants.isolation.sessions import exclusive

_NUMBERS = "orders"
_NUMBER_BY_KEY = "orders_by_key"
_REMEMBERED = 20
"""Orders that a session remembers, the newest."""


def check_out_cart(
    session: SessionBase, customer: CustomerDetails, ship_to: str, *, agreed_total: Decimal, key: str
) -> str:
    """Place an order of the cart and return its number, or that of the order placed before. Raises `OrderRefused`.

    A form that is sent twice has the same key, also while its first order is being placed. Another form of the session
    finds the cart empty then, and gets the last order.
    """
    with exclusive(session):
        placed: dict[str, str] = session.get(_NUMBER_BY_KEY, {})
        if key and key in placed:
            return placed[key]
        if not Cart(session).quantities and (numbers := session.get(_NUMBERS)):
            return str(numbers[-1])
        order = _place(session, customer, ship_to, None, agreed_total, is_remembered=True)
        if key:
            session[_NUMBER_BY_KEY] = dict([*placed.items(), (key, order.number)][-_REMEMBERED:])
    return order.number


def place_order_from(
    session: SessionBase,
    customer: CustomerDetails,
    ship_to: str,
    *,
    quantities: Mapping[int, int] | None = None,
    agreed_total: Decimal | None = None,
    is_remembered: bool = True,
) -> Order:
    """Place an order of `quantities`, or of the session's cart, which is emptied. Raises `OrderRefused`.

    With an `agreed_total`, no order is placed at another total.
    """
    with exclusive(session):
        return _place(session, customer, ship_to, quantities, agreed_total, is_remembered=is_remembered)


def has_placed(session: SessionBase, number: str) -> bool:
    return number in session.get(_NUMBERS, [])


def _place(
    session: SessionBase,
    customer: CustomerDetails,
    ship_to: str,
    quantities: Mapping[int, int] | None,
    agreed_total: Decimal | None,
    *,
    is_remembered: bool,
) -> Order:
    cart = Cart(session)
    with transaction.atomic():
        order = place_order(customer, cart.quantities if quantities is None else quantities, ship_to)
        if agreed_total is not None and order.total != agreed_total:
            raise PriceChanged
    if quantities is None:
        cart.clear()
    if is_remembered:
        session[_NUMBERS] = [*session.get(_NUMBERS, []), order.number][-_REMEMBERED:]
    return order
