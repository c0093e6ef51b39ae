"""Forms of the storefront: cart and checkout."""

from __future__ import annotations

import secrets
from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from shop.customers.models import Customer
from shop.goods.models import Sku
from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS
from shop.orders.cart import MAX_QUANTITY
from shop.orders.services import CustomerDetails
from tenants.variants import resolve

_ADDRESS_MAX_LENGTH = 1000


class AddToCartForm(forms.Form):
    """A quantity of a SKU that is for sale."""

    sku = forms.ModelChoiceField(
        Sku.objects.none(),  # set when the form is used, for the active shop
        error_messages={"required": _("Choose an option.")},
    )
    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY, initial=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast("forms.ModelChoiceField[Sku]", self.fields["sku"])
        field.queryset = resolve(Sku).objects.for_sale().select_related("goods")


class ChangeCartForm(forms.Form):
    """The quantity of a SKU in the cart; 0 removes it. The SKU may have been deleted."""

    sku = forms.IntegerField(min_value=1)
    quantity = forms.IntegerField(min_value=0, max_value=MAX_QUANTITY)


def _new_key() -> str:
    return secrets.token_urlsafe(16)


class CheckoutForm(forms.Form):
    """Customer, shipping address, and the total that the customer agreed to."""

    name = forms.CharField(
        label=_("Name"),
        max_length=Customer._meta.get_field("name").max_length,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("Email"),
        widget=forms.EmailInput({"autocomplete": "email", "inputmode": "email"}),
        help_text=_("Used only for questions about this order."),
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=Customer._meta.get_field("phone").max_length,
        validators=[RegexValidator(r"^[+()\d][+()\d\s./-]{5,}$", _("Enter a phone number, such as 010-1234-5678."))],
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=_ADDRESS_MAX_LENGTH,
        widget=forms.Textarea({"rows": 3, "autocomplete": "street-address"}),
        help_text=_("Street, postal code and city."),
    )
    agreed_total = forms.DecimalField(
        max_digits=MAX_DIGITS + 10, decimal_places=DECIMAL_PLACES, widget=forms.HiddenInput
    )

    key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput, initial=_new_key)
    """New each time the page is shown: a form that is sent twice places one order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    @property
    def customer(self) -> CustomerDetails:
        data = self.cleaned_data
        return CustomerDetails(email=data["email"], name=data["name"], phone=data["phone"])

    @property
    def ship_to(self) -> str:
        """The shipping label. It has the phone number: a known customer's record keeps the older one."""
        data = self.cleaned_data
        return f"{data['name']}\n{data['address']}\n{data['phone']}"
