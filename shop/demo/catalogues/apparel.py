"""Acme sells clothes: the goods come from `data/apparel.csv`; here is how each is drawn, filed and stocked."""

from __future__ import annotations

from collections.abc import Mapping

from shop.demo.catalogues.entries import DemoOrder, Look
from shop.orders.services import CustomerDetails

CATEGORIES = ("Women", "Men", "Bags and shoes")

LOOKS: Mapping[str, Look] = {
    "ocean-blue-shirt": Look(kind="tiled shirt", colour="#2f6f9f", category="Men", stock=14),
    "classic-varsity-top": Look(kind="varsity", colour="#4a4d55", category="Women", stock=9),
    "yellow-wool-jumper": Look(kind="jumper", colour="#e0b13c", category="Women", stock=6, before="110"),
    "floral-white-top": Look(kind="floral top", colour="#f4f0e6", category="Women", stock=11),
    "striped-silk-blouse": Look(kind="striped blouse", colour="#b03a3f", category="Women", stock=3),
    "classic-leather-jacket": Look(kind="leather jacket", colour="#54382c", category="Women", stock=5),
    "dark-denim-top": Look(kind="shirt", colour="#2b3f5c", category="Women", stock=0),
    "navy-sport-jacket": Look(kind="jacket", colour="#26344f", category="Men", stock=18),
    "dark-winter-jacket": Look(kind="coat", colour="#37383d", category="Women", stock=7, before="85"),
    "black-leather-bag": Look(kind="bag", colour="#3a3536", category="Bags and shoes", stock=4),
    "zipped-jacket": Look(kind="jacket", colour="#4d86b8", category="Men", stock=12),
    "silk-summer-top": Look(kind="dotted tee", colour="#d98c94", category="Women", stock=16),
    "longsleeve-cotton-top": Look(kind="long sleeve", colour="#414248", category="Women", stock=0),
    "chequered-red-shirt": Look(kind="checked shirt", colour="#b8392f", category="Men", stock=8),
    "white-cotton-shirt": Look(kind="shirt", colour="#e9e6df", category="Women", stock=25),
    "olive-green-jacket": Look(kind="patched jacket", colour="#6f7446", category="Women", stock=2),
    "blue-silk-tuxedo": Look(kind="tuxedo", colour="#2d5c93", category="Men", stock=3, before="95"),
    "red-sports-tee": Look(kind="tee", colour="#cf3d3d", category="Women", stock=15),
    "striped-skirt-and-top": Look(kind="skirt", colour="#3b3a40", category="Women", stock=6),
    "led-high-tops": Look(kind="shoe", colour="#333439", category="Bags and shoes", stock=10),
}

_NORA = CustomerDetails(name="Nora Lindqvist", email="nora@example.com", phone="+1 415 555 0134")
_SAM = CustomerDetails(name="Sam Okafor", email="sam@example.com", phone="+1 312 555 0178")

ORDERS = (
    DemoOrder(
        customer=_NORA,
        address="12 Alder Street, Apt 4\nSan Francisco, CA 94110",
        goods={"yellow-wool-jumper": 1, "white-cotton-shirt": 2},
        is_paid=True,
        is_shipped=True,
        days_ago=9,
    ),
    DemoOrder(
        customer=_SAM,
        address="808 West Lake Street\nChicago, IL 60607",
        goods={"led-high-tops": 1},
        is_paid=True,
        days_ago=2,
    ),
    DemoOrder(
        customer=CustomerDetails(name="Minji Han", email="minji@example.com", phone="+82 10 5550 0147"),
        address="44 Eulji-ro, Jung-gu\nSeoul 04539",
        goods={"blue-silk-tuxedo": 1, "ocean-blue-shirt": 1},
    ),
)
