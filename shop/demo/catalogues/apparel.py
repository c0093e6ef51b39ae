"""Acme, a clothes shop: pictures, categories and stock of the goods in `data/apparel.csv`."""

from __future__ import annotations

from collections.abc import Mapping

from shop.demo.catalogues.entries import DemoOrder, Look
from shop.orders.services import CustomerDetails

CATEGORIES = ("Women", "Men", "Bags and shoes")

LOOKS: Mapping[str, Look] = {
    "ocean-blue-shirt": Look(picture="tiled-shirt", category="Men", stock=14),
    "classic-varsity-top": Look(picture="varsity", category="Women", stock=9),
    "yellow-wool-jumper": Look(picture="jumper", category="Women", stock=6, before="110"),
    "floral-white-top": Look(picture="floral-top", category="Women", stock=11),
    "striped-silk-blouse": Look(picture="striped-blouse", category="Women", stock=3),
    "classic-leather-jacket": Look(picture="leather-jacket", category="Women", stock=5),
    "dark-denim-top": Look(picture="shirt-1", category="Women", stock=0),
    "navy-sport-jacket": Look(picture="jacket-1", category="Men", stock=18),
    "dark-winter-jacket": Look(picture="coat", category="Women", stock=7, before="85"),
    "black-leather-bag": Look(picture="bag", category="Bags and shoes", stock=4),
    "zipped-jacket": Look(picture="jacket-2", category="Men", stock=12),
    "silk-summer-top": Look(picture="dotted-tee", category="Women", stock=16),
    "longsleeve-cotton-top": Look(picture="long-sleeve", category="Women", stock=0),
    "chequered-red-shirt": Look(picture="checked-shirt", category="Men", stock=8),
    "white-cotton-shirt": Look(picture="shirt-2", category="Women", stock=25),
    "olive-green-jacket": Look(picture="patched-jacket", category="Women", stock=2),
    "blue-silk-tuxedo": Look(picture="tuxedo", category="Men", stock=3, before="95"),
    "red-sports-tee": Look(picture="tee", category="Women", stock=15),
    "striped-skirt-and-top": Look(picture="skirt", category="Women", stock=6),
    "led-high-tops": Look(picture="shoe", category="Bags and shoes", stock=10),
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
