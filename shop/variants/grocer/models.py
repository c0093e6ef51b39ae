"""Goods and skus as a grocer has them."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from shop.goods import models as goods
from shop.goods import queries


class Goods(goods.Goods):
    """Goods, of which some are sold by weight."""

    goods_ptr = models.OneToOneField(
        goods.Goods, models.CASCADE, parent_link=True, primary_key=True, related_name="grocer"
    )
    sold_by_weight = models.BooleanField(
        _("sold by weight"),
        default=False,
        db_default=False,
        help_text=_("The prices of the skus are for a kilogram; a piece costs as much as it weighs."),
    )

    class Meta:
        verbose_name = _("goods")
        verbose_name_plural = _("goods")


class _SkuQuerySet(queries.SkuQuerySet):
    def available(self) -> Self:
        """Keep what is not past its day."""
        return super().available().filter(Q(best_before=None) | Q(best_before__gte=timezone.localdate()))


class Sku(goods.Sku):
    """A sku that may be best before a day, which is the last on which it is sold."""

    sku_ptr = models.OneToOneField(goods.Sku, models.CASCADE, parent_link=True, primary_key=True, related_name="grocer")
    best_before = models.DateField(_("best before"), null=True, blank=True, db_index=True)

    objects = _SkuQuerySet.as_manager()

    class Meta:
        verbose_name = _("sku")
        verbose_name_plural = _("skus")
