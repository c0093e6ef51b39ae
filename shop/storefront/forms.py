"""What a shopper can send: a sku and a quantity, and where an order goes."""

from __future__ import annotations

import secrets
from typing import Any

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
    """Some pieces of a sku that is for sale."""

    sku = forms.ModelChoiceField(
        Sku.objects.none(),  # those of the shop that is active when the form is used
        error_messages={"required": _("Please choose one of the options.")},
    )
    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY, initial=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sku"].queryset = resolve("goods.models.Sku").objects.for_sale().select_related("goods")


class ChangeCartForm(forms.Form):
    """How many pieces of a sku shall be in the cart; 0 takes it out. The sku may be gone from the shop."""

    sku = forms.IntegerField(min_value=1)
    quantity = forms.IntegerField(min_value=0, max_value=MAX_QUANTITY)


def _new_key() -> str:
    return secrets.token_urlsafe(16)


class CheckoutForm(forms.Form):
    """Who orders, where it goes, and the total that they agreed to."""

    name = forms.CharField(
        label=_("Name"),
        max_length=Customer._meta.get_field("name").max_length,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        widget=forms.EmailInput({"autocomplete": "email", "inputmode": "email"}),
        help_text=_("Only for questions about this order."),
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=Customer._meta.get_field("phone").max_length,
        validators=[
            RegexValidator(r"^[+()\d][+()\d\s./-]{5,}$", _("Please enter a phone number, such as 010-1234-5678."))
        ],
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=_ADDRESS_MAX_LENGTH,
        widget=forms.Textarea({"rows": 3, "autocomplete": "street-address"}),
        help_text=_("Street and number, postcode and town."),
    )
    agreed_total = forms.DecimalField(
        max_digits=MAX_DIGITS + 10, decimal_places=DECIMAL_PLACES, widget=forms.HiddenInput
    )

    key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput, initial=_new_key)
    """Another one each time that the page is shown: sent twice with the same one, an order is placed once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)

    @property
    def customer(self) -> CustomerDetails:
        """Who orders."""
        data = self.cleaned_data
        return CustomerDetails(email=data["email"], name=data["name"], phone=data["phone"])

    @property
    def ship_to(self) -> str:
        """The lines of the parcel's label. The phone is on it: a known customer's entry keeps the older number."""
        data = self.cleaned_data
        return f"{data['name']}\n{data['address']}\n{data['phone']}"
