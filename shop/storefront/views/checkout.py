"""Ordering what is in the cart, and the page that says it is done."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from shop.orders.errors import OrderRefused
from shop.orders.models import Order
from shop.orders.services import place_order
from shop.storefront.cart import Cart, total_of
from shop.storefront.context import page_context
from shop.storefront.forms import CheckoutForm

_ORDERS_KEY = "orders"
_ORDERS_KEPT = 20


class PriceChanged(OrderRefused):
    """The order costs something else than the page said."""

    def __str__(self) -> str:
        return _("A price has changed since you opened this page. Please look at the new total and order again.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest) -> HttpResponse:
    """Ask who orders and where it goes, and place the order. A refused order leaves cart and form as they are."""
    cart = Cart(request.session)
    form = CheckoutForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            order = _place(form, cart)
        except OrderRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            cart.clear()
            request.session[_ORDERS_KEY] = [*request.session.get(_ORDERS_KEY, []), order.number][-_ORDERS_KEPT:]
            return redirect("storefront:order_placed", order.number)
    lines = cart.lines()
    if not lines:
        return redirect("storefront:cart")
    context = {"form": form, "lines": lines, "total": total_of(lines)}
    return render(request, "storefront/checkout.html", page_context(request) | context)


@never_cache
@require_safe
def order_placed(request: HttpRequest, number: str) -> HttpResponse:
    """Confirm an order to the session that placed it, and to no other."""
    if number not in request.session.get(_ORDERS_KEY, []):
        raise Http404(f"This session has placed no order {number!r}.")
    order = get_object_or_404(Order.objects.select_related("customer").prefetch_related("lines"), number=number)
    return render(request, "storefront/order_placed.html", page_context(request) | {"order": order})


def _place(form: CheckoutForm, cart: Cart) -> Order:
    """Place the order, or raise `OrderRefused`; at another total than the one agreed to it is undone."""
    agreed: Decimal = form.cleaned_data["agreed_total"]
    with transaction.atomic():
        order = place_order(form.customer, cart.quantities, form.ship_to)
        if order.total != agreed:
            raise PriceChanged
    return order
