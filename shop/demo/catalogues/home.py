"""Globex, a shop for home goods: categories and orders. Its goods are in `data/home.csv`."""

from __future__ import annotations

from shop.demo.catalogues.entries import DemoOrder
from shop.orders.services import CustomerDetails

CATEGORIES = ("Table", "Light", "Furniture", "Textiles", "Greens and walls")

_IRIS = CustomerDetails(name="Iris Falk", email="iris@example.com", phone="+1 206 555 0119")

ORDERS = (
    DemoOrder(
        customer=_IRIS,
        address="77 Orchard Lane\nSeattle, WA 98103",
        goods={"stoneware-mug": 4, "dinner-plate": 4, "nesting-bowls": 1},
        is_paid=True,
        is_shipped=True,
        days_ago=9,
    ),
    DemoOrder(
        customer=CustomerDetails(name="Tomás Rivera", email="tomas@example.com", phone="+1 512 555 0163"),
        address="1450 Barton Hills Drive\nAustin, TX 78704",
        goods={"bedside-lamp": 2},
        is_paid=True,
        days_ago=2,
    ),
    DemoOrder(customer=_IRIS, address="77 Orchard Lane\nSeattle, WA 98103", goods={"wool-blanket": 1}),
)
