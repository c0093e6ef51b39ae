"""What the demo's shops have of their variants: Globex its codes and rates of tax, Initech its weights and days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from shop.variants.customer_a import models as customer_a
from shop.variants.grocer import models as grocer
from tenants import current_tenant

_CATEGORY_CODES = {"Table": "TBL", "Light": "LGT", "Furniture": "FRN", "Textiles": "TXT", "Greens and walls": "GRN"}
_REDUCED_RATE = {"GRN": Decimal("0.05")}

_BY_WEIGHT = {"생표고버섯": 23000, "흙당근": 3500, "샤인머스캣": 27000, "설향-딸기": 27800, "고등어-두-손": 16125}
"""Slug → the price of a kilogram, at which a piece costs what it did."""
_DAYS = {"정육·수산": 3, "빵·유제품": 5, "채소": 9, "과일": 12, "선물": 40, "쌀·면": 200, "장·김치": 300}
"""Category → for how many days from today on its goods are at their best."""


@transaction.atomic
def add_variant_data() -> None:
    """Give the active demo shop's goods what its variant has for them, as far as nobody has said anything else."""
    _DRESSES.get(current_tenant().variant, lambda: None)()


def _dress_customer_a() -> None:
    bare = customer_a.Goods.objects.filter(category_code="", vendor_code="").select_related("category")
    for goods in bare:
        code = _CATEGORY_CODES.get(goods.category.name if goods.category else "", "OTH")
        goods.category_code = f"{code}-100"
        goods.vendor_code = goods.vendor[:3].upper()
        goods.tax_rate = _REDUCED_RATE.get(code, goods.tax_rate)
        goods.save()


def _dress_grocer() -> None:
    if not grocer.Goods.objects.filter(sold_by_weight=True).exists():
        _sell_by_weight(_BY_WEIGHT)
    # What the demo sells is never old, however long ago it was made.
    today = timezone.localdate()
    for name, days in _DAYS.items():
        of_category = grocer.Sku.objects.filter(goods__category__name=name)
        old = of_category.filter(Q(best_before=None) | Q(best_before__lt=today))
        old.update(best_before=today + timedelta(days=days))


def _sell_by_weight(prices: Mapping[str, int]) -> None:
    for goods in grocer.Goods.objects.filter(slug__in=prices):
        goods.sold_by_weight = True
        goods.save()
        goods.skus.update(price=prices[goods.slug], compare_at_price=None)


_DRESSES: dict[str, Callable[[], None]] = {"customer_a": _dress_customer_a, "grocer": _dress_grocer}
