"""Removal of personal data from a clone of a shop."""

from __future__ import annotations

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from shop.customers.models import Customer
from shop.orders.models import IdempotentResponse, Order

ADDRESS = "1 Example Street\n00000 Example"


def anonymize_customers() -> None:
    """Replace names and email addresses of the active shop's customers, and delete phone numbers."""
    number = Cast(F("pk"), CharField())
    Customer.objects.update(
        name=Concat(Value("Customer "), number),
        email=Concat(Value("customer"), number, Value("@example.invalid")),
        phone="",
    )


def anonymize_orders() -> None:
    """Replace all shipping addresses of the active shop, and delete stored responses."""
    Order.objects.update(ship_to=ADDRESS)
    IdempotentResponse.objects.all().delete()
