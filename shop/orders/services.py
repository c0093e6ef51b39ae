"""Placing, paying, shipping and cancelling orders. Each service is one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from shop.customers.models import Customer
from shop.goods.models import MAX_STOCK, Sku
from shop.goods.money import total_of
from shop.orders.errors import EmptyOrder, NotForSale, OutOfStock, WrongQuantity, WrongStatus
from shop.orders.models import Order, OrderLine
from tenants import current_tenant
from tenants.variants import resolve

_ALLOWED_FROM = {
    Order.Status.PAID: {Order.Status.PLACED},
    Order.Status.SHIPPED: {Order.Status.PAID},
    Order.Status.CANCELLED: {Order.Status.PLACED, Order.Status.PAID},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDetails:
    """The customer, as entered at checkout."""

    email: str
    name: str
    phone: str = ""


@transaction.atomic
def place_order(customer: CustomerDetails, quantities: Mapping[int, int], ship_to: str) -> Order:
    """Place an order of `quantities` (by SKU id) and take them out of stock.

    Stock that is not tracked stays as it is. With back orders, the stock can become negative.

    Raises an `OrderRefused`: `EmptyOrder`, `WrongQuantity`, `NotForSale` or `OutOfStock`.
    """
    skus = _lock_skus_for_sale(quantities)
    _move_stock({sku: -quantities[sku.pk] for sku in skus if sku.track_stock})
    lines = [_line(sku, quantities[sku.pk]) for sku in skus]
    order = Order.objects.create(
        customer=_customer(customer),
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
    """Cancel an order that was not shipped, restock its SKUs and return it. Raises `WrongStatus`."""
    cancelled = _set_status(order, Order.Status.CANCELLED)
    quantities = dict(cancelled.lines.filter(took_stock=True).values_list("sku_id", "quantity"))
    _move_stock({sku: quantities[sku.pk] for sku in _lock_skus(quantities)})
    return cancelled


def next_statuses(order: Order) -> list[Order.Status]:
    return [status for status, before in _ALLOWED_FROM.items() if order.status in before]


@transaction.atomic
def mark_paid(order: Order) -> Order:
    """Mark a placed order as paid and return it. Raises `WrongStatus`."""
    return _set_status(order, Order.Status.PAID)


@transaction.atomic
def mark_shipped(order: Order) -> Order:
    """Mark a paid order as shipped and return it. Raises `WrongStatus`."""
    return _set_status(order, Order.Status.SHIPPED)


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
    # Read after locking: prices and stock stay true until the order is written.
    for_sale = resolve(Sku).objects.for_sale().priced().select_related("goods").in_bulk(list(quantities))
    for sku in locked:
        if sku.pk not in for_sale:
            raise NotForSale(sku.pk, str(sku))
        if not sku.covers(quantities[sku.pk]):
            raise OutOfStock(sku, quantities[sku.pk])
    return [for_sale[sku.pk] for sku in locked]


def _lock_skus(ids: Mapping[int, int]) -> list[Sku]:
    # Always in the order of ids: two orders of the same SKUs wait for each other, and never deadlock.
    locked = Sku.objects.select_for_update(of=("self",)).select_related("goods")
    return list(locked.filter(pk__in=list(ids)).order_by("pk"))


def _move_stock(changes: Mapping[Sku, int]) -> None:
    for sku, change in changes.items():
        sku.stock = min(sku.stock + change, MAX_STOCK)  # a restock beyond what the column holds is cut
    Sku.objects.bulk_update(list(changes), ["stock"])


def _line(sku: Sku, quantity: int) -> OrderLine:
    return OrderLine(
        sku=sku,
        goods_name=sku.goods.name,
        sku_title=sku.title,
        unit_price=sku.selling_price,
        quantity=quantity,
        took_stock=sku.track_stock,
    )


def _customer(details: CustomerDetails) -> Customer:
    # A typed address is not proved to be the customer's own: what is known of them stays as it is.
    customer, _ = Customer.objects.get_or_create(
        email=details.email.lower(), defaults={"name": details.name, "phone": details.phone}
    )
    return customer


def _set_status(order: Order, status: Order.Status) -> Order:
    locked = Order.objects.select_for_update().get(pk=order.pk)
    if locked.status not in _ALLOWED_FROM[status]:
        raise WrongStatus(locked, status)
    locked.status = status
    locked.save(update_fields=["status"])
    return locked
