"""Initech, a Korean grocer: categories and orders. Its goods are in `data/grocery.csv`."""

from __future__ import annotations

from shop.demo.catalogues.entries import DemoOrder
from shop.orders.services import CustomerDetails

CATEGORIES = ("과일", "채소", "쌀·면", "장·김치", "정육·수산", "빵·유제품", "선물")

_JIWOO = CustomerDetails(name="김지우", email="jiwoo@example.com", phone="010-5550-0101")

ORDERS = (
    DemoOrder(
        customer=_JIWOO,
        address="서울특별시 마포구 성미산로 25, 302호\n03969",
        goods={"청송-꿀사과": 1, "목장-우유": 2, "통밀-식빵": 1},
        is_paid=True,
        is_shipped=True,
        days_ago=9,
    ),
    DemoOrder(
        customer=CustomerDetails(name="박서준", email="seojun@example.com", phone="010-5550-0128"),
        address="부산광역시 수영구 광안해변로 219\n48303",
        goods={"포기김치": 1, "이천-햅쌀": 1},
        is_paid=True,
        days_ago=2,
    ),
    DemoOrder(
        customer=CustomerDetails(name="이하은", email="haeun@example.com", phone="010-5550-0164"),
        address="대전광역시 유성구 대학로 99\n34134",
        goods={"한우-불고기": 2, "대파": 1},
    ),
)
