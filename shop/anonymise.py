"""Taking personal data out of a clone of a shop: who buys, and where it is sent."""

from __future__ import annotations

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from shop.customers.models import Customer
from shop.orders.models import IdempotentResponse, Order

ADDRESS = "1 Example Street\n00000 Example"


def anonymise_customers() -> None:
    """Give the customers of the active tenant made-up names, addresses that lead nowhere and no phone."""
    number = Cast(F("pk"), CharField())
    Customer.objects.update(
        name=Concat(Value("Customer "), number),
        email=Concat(Value("customer"), number, Value("@example.invalid")),
        phone="",
    )


def anonymise_orders() -> None:
    """Send every order of the active tenant to an address that is none, and forget what was answered to who ordered."""
    Order.objects.update(ship_to=ADDRESS)
    IdempotentResponse.objects.all().delete()
