"""Data of the demo for the fields of variants: codes and tax rates for Globex, weights and dates for Initech."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import cast

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from shop.variants.customer_a import models as customer_a
from shop.variants.grocer import models as grocer
from tenants import current_tenant

_CATEGORY_CODES = {"Table": "TBL", "Light": "LGT", "Furniture": "FRN", "Textiles": "TXT", "Greens and walls": "GRN"}
_REDUCED_RATE = {"GRN": Decimal("0.05")}

_BY_WEIGHT = {"생표고버섯": 23000, "흙당근": 3500, "샤인머스캣": 27000, "설향-딸기": 27800, "고등어-두-손": 16125}
"""Price per kilogram by slug, which keeps the price of an item."""
_DAYS = {"정육·수산": 3, "빵·유제품": 5, "채소": 9, "과일": 12, "선물": 40, "쌀·면": 200, "장·김치": 300}
"""Days until best before, by category."""


@transaction.atomic
def add_variant_data() -> None:
    """Fill the fields of the active shop's variant, unless they were changed."""
    _BY_VARIANT.get(current_tenant().variant, lambda: None)()


def _add_codes() -> None:
    untouched = customer_a.Goods.objects.filter(category_code="", vendor_code="").select_related("category")
    for goods in cast("Iterable[customer_a.Goods]", untouched):
        code = _CATEGORY_CODES.get(goods.category.name if goods.category else "", "OTH")
        goods.category_code = f"{code}-100"
        goods.vendor_code = goods.vendor[:3].upper()
        goods.tax_rate = _REDUCED_RATE.get(code, goods.tax_rate)
        goods.save()


def _add_weights_and_dates() -> None:
    if not grocer.Goods.objects.filter(sold_by_weight=True).exists():
        _sell_by_weight(_BY_WEIGHT)
    # The goods stay fresh, however old the demo is.
    today = timezone.localdate()
    for name, days in _DAYS.items():
        of_category = grocer.Sku.objects.filter(goods__category__name=name)
        old = of_category.filter(Q(best_before=None) | Q(best_before__lt=today))
        old.update(best_before=today + timedelta(days=days))


def _sell_by_weight(prices: Mapping[str, int]) -> None:
    for goods in cast("Iterable[grocer.Goods]", grocer.Goods.objects.filter(slug__in=prices)):
        goods.sold_by_weight = True
        goods.save()
        goods.skus.update(price=prices[goods.slug], compare_at_price=None)


_BY_VARIANT: dict[str, Callable[[], None]] = {"customer_a": _add_codes, "grocer": _add_weights_and_dates}
