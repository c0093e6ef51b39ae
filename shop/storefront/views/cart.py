"""The cart."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from shop.goods.models import Sku
from shop.orders.cart import MAX_QUANTITY, Cart, total_of
from shop.storefront.context import page_context
from shop.storefront.forms import AddToCartForm, ChangeCartForm


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    cart = Cart(request.session)
    before = len(cart.quantities)
    lines = cart.lines()
    if len(lines) < before:
        messages.warning(request, _("Products that are no longer available were removed from your cart."))
    context = {
        "lines": lines,
        "total": total_of(lines),
        "is_short": any(line.is_short for line in lines),
        "max_quantity": MAX_QUANTITY,
    }
    return render(request, "storefront/cart.html", page_context(request) | context)


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Add a SKU to the cart, at most as many as are in stock."""
    form = AddToCartForm(request.POST)
    if not form.is_valid():
        return _refuse(request, form)
    sku: Sku = form.cleaned_data["sku"]
    cart = Cart(request.session)
    if not sku.is_in_stock:
        messages.error(request, _("%(goods)s is sold out.") % {"goods": sku})
        return redirect("storefront:goods_detail", sku.goods.slug)
    wanted = cart.add(sku.pk, form.cleaned_data["quantity"], max_quantity=sku.max_quantity)
    if not sku.covers(wanted):
        _warn_of_stock(request, sku)
    else:
        messages.success(request, _("%(goods)s was added to your cart.") % {"goods": sku})
    return redirect("storefront:cart")


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Set the quantity of a SKU in the cart; 0 removes it."""
    form = ChangeCartForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Enter a number from 0 to %(limit)s.") % {"limit": MAX_QUANTITY})
        return redirect("storefront:cart")
    Cart(request.session).change(form.cleaned_data["sku"], form.cleaned_data["quantity"])
    return redirect("storefront:cart")


def _refuse(request: HttpRequest, form: AddToCartForm) -> HttpResponse:
    """Show the errors, on the page of the product if it is known."""
    for errors in form.errors.values():
        messages.error(request, " ".join(map(str, errors)))
    sku: Sku | None = form.cleaned_data.get("sku")
    return redirect("storefront:goods_detail", sku.goods.slug) if sku else redirect("storefront:cart")


def _warn_of_stock(request: HttpRequest, sku: Sku) -> None:
    text = ngettext(
        "Only %(left)s of %(goods)s is in stock; it was added to your cart.",
        "Only %(left)s of %(goods)s are in stock; they were added to your cart.",
        sku.stock,
    )
    messages.warning(request, text % {"left": sku.stock, "goods": sku})
