"""Checkout, and the confirmation of an order."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from shop.orders.cart import Cart, total_of
from shop.orders.checkout import check_out_cart, has_placed
from shop.orders.errors import OrderRefused
from shop.orders.models import Order
from shop.storefront.context import page_context
from shop.storefront.forms import CheckoutForm


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest) -> HttpResponse:
    """Show the form, or place the order. After an error, cart and form stay as they are."""
    cart = Cart(request.session)
    form = CheckoutForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            number = check_out_cart(
                request.session,
                form.customer,
                form.ship_to,
                agreed_total=form.cleaned_data["agreed_total"],
                key=form.cleaned_data["key"],
            )
            return redirect("storefront:order_placed", number)
        except OrderRefused as refusal:
            form.add_error(None, str(refusal))
    lines = cart.lines()
    if not lines:
        return redirect("storefront:cart")
    context = {"form": form, "lines": lines, "total": total_of(lines)}
    return render(request, "storefront/checkout.html", page_context(request) | context)


@never_cache
@require_safe
def order_placed(request: HttpRequest, number: str) -> HttpResponse:
    """Confirm an order, to the session that placed it only."""
    if not has_placed(request.session, number):
        raise Http404(f"This session has not placed order {number!r}.")
    order = get_object_or_404(Order.objects.select_related("customer").prefetch_related("lines"), number=number)
    return render(request, "storefront/order_placed.html", page_context(request) | {"order": order})
