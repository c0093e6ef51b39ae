"""What is done with orders; each service is one transaction that happens as a whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from shop.customers.models import Customer
from shop.goods.models import MOST_STOCK, Sku
from shop.goods.money import total_of
from shop.orders.errors import EmptyOrder, NotForSale, OutOfStock, WrongQuantity, WrongStatus
from shop.orders.models import Order, OrderLine
from tenants import current_tenant
from tenants.variants import resolve

_COMES_FROM = {
    Order.Status.PAID: {Order.Status.PLACED},
    Order.Status.SHIPPED: {Order.Status.PAID},
    Order.Status.CANCELLED: {Order.Status.PLACED, Order.Status.PAID},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDetails:
    """Who orders, as they wrote it in the form."""

    email: str
    name: str
    phone: str = ""


@transaction.atomic
def place_order(customer: CustomerDetails, quantities: Mapping[int, int], ship_to: str) -> Order:
    """Sell `quantities` (sku id → pieces) to `customer`, take them out of stock and return the order.

    A sku whose stock is not counted keeps it; one that takes back orders goes below 0 by the pieces that are owed.

    Raises an `OrderRefused`: `EmptyOrder`, `WrongQuantity`, `NotForSale` or `OutOfStock`.
    """
    skus = _lock_skus_for_sale(quantities)
    _move_stock({sku: -quantities[sku.pk] for sku in skus if sku.track_stock})
    lines = [_line(sku, quantities[sku.pk]) for sku in skus]
    order = Order.objects.create(
        customer=_known_customer(customer),
        ship_to=ship_to,
        currency=current_tenant().currency,
        total=total_of(line.amount for line in lines),
    )
    for line in lines:
        line.order = order
    OrderLine.objects.bulk_create(lines)
    return order


@transaction.atomic
def cancel_order(order: Order) -> Order:
    """Cancel an order that was not shipped, put back what it took out of stock and return it as it is now.

    Raises `WrongStatus` if it was shipped or cancelled already.
    """
    cancelled = _move(order, Order.Status.CANCELLED)
    quantities = dict(cancelled.lines.filter(took_stock=True).values_list("sku_id", "quantity"))
    _move_stock({sku: quantities[sku.pk] for sku in _lock_skus(quantities)})
    return cancelled


def next_statuses(order: Order) -> list[Order.Status]:
    """Return what the order can become."""
    return [status for status, before in _COMES_FROM.items() if order.status in before]


@transaction.atomic
def mark_paid(order: Order) -> Order:
    """Note that a placed order was paid, and return it as it is now. Raises `WrongStatus`."""
    return _move(order, Order.Status.PAID)


@transaction.atomic
def mark_shipped(order: Order) -> Order:
    """Note that a paid order was shipped, and return it as it is now. Raises `WrongStatus`."""
    return _move(order, Order.Status.SHIPPED)


def _lock_skus_for_sale(quantities: Mapping[int, int]) -> list[Sku]:
    if not quantities:
        raise EmptyOrder
    for quantity in quantities.values():
        if quantity < 1:
            raise WrongQuantity(quantity)
    locked = _lock_skus(quantities)
    gone = quantities.keys() - {sku.pk for sku in locked}
    if gone:
        raise NotForSale(min(gone))
    # Asked once they are locked: what an order costs, and whether there is enough of it, is true until it is written.
    for_sale = resolve("goods.models.Sku").objects.for_sale().priced().select_related("goods").in_bulk(list(quantities))
    for sku in locked:
        if sku.pk not in for_sale:
            raise NotForSale(sku.pk, str(sku))
        if not sku.covers(quantities[sku.pk]):
            raise OutOfStock(sku, quantities[sku.pk])
    return [for_sale[sku.pk] for sku in locked]


def _lock_skus(ids: Mapping[int, int]) -> list[Sku]:
    # Always in the order of their ids, so that two orders for the same skus wait for, and never block, each other.
    locked = Sku.objects.select_for_update(of=("self",)).select_related("goods")
    return list(locked.filter(pk__in=list(ids)).order_by("pk"))


def _move_stock(pieces: Mapping[Sku, int]) -> None:
    for sku, change in pieces.items():
        sku.stock = min(sku.stock + change, MOST_STOCK)  # what is cancelled comes back, as far as there is room
    Sku.objects.bulk_update(list(pieces), ["stock"])


def _line(sku: Sku, quantity: int) -> OrderLine:
    return OrderLine(
        sku=sku,
        goods_name=sku.goods.name,
        sku_title=sku.title,
        unit_price=sku.selling_price,
        quantity=quantity,
        took_stock=sku.track_stock,
    )


def _known_customer(details: CustomerDetails) -> Customer:
    # Whoever types an address has not proved that it is theirs: what is known about a customer stays as it is.
    customer, _ = Customer.objects.get_or_create(
        email=details.email.lower(), defaults={"name": details.name, "phone": details.phone}
    )
    return customer


def _move(order: Order, status: Order.Status) -> Order:
    locked = Order.objects.select_for_update().get(pk=order.pk)
    if locked.status not in _COMES_FROM[status]:
        raise WrongStatus(locked, status)
    locked.status = status
    locked.save(update_fields=["status"])
    return locked
