"""Goods and SKUs of a grocer."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shop.goods import models as goods
from shop.goods import queries


class Goods(goods.Goods):
    """Goods that may be sold by weight."""

    goods_ptr = models.OneToOneField(
        goods.Goods, models.CASCADE, parent_link=True, primary_key=True, related_name="grocer"
    )
    sold_by_weight = models.BooleanField(
        _("sold by weight"),
        default=False,
        db_default=False,
        help_text=_("Prices of variants are per kilogram; an item costs as much as it weighs."),
    )

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")


class _SkuQuerySet(queries.SkuQuerySet):
    def available(self) -> Self:
        return super().available().filter(Q(best_before=None) | Q(best_before__gte=timezone.localdate()))


class Sku(goods.Sku):
    """A SKU that may have a best-before date, the last day of its sale."""

    sku_ptr = models.OneToOneField(goods.Sku, models.CASCADE, parent_link=True, primary_key=True, related_name="grocer")
    best_before = models.DateField(_("best before"), null=True, blank=True, db_index=True)

    objects = _SkuQuerySet.as_manager()  # type: ignore[misc]  # a manager is replaced

    class Meta:
        verbose_name = pgettext_lazy("product", "variant")
        verbose_name_plural = _("variants")
