"""Goods of customer A."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from shop.goods import models as goods
from shop.goods.money import EXACT

TAX_RATE = Decimal("0.1")


class Goods(goods.Goods):
    """Goods with customer A's own codes, and the tax that prices include."""

    goods_ptr = models.OneToOneField(
        goods.Goods, models.CASCADE, parent_link=True, primary_key=True, related_name="customer_a"
    )
    category_code = models.CharField(
        _("category code"), max_length=32, blank=True, default="", db_default="", db_index=True
    )
    vendor_code = models.CharField(_("vendor code"), max_length=32, blank=True, default="", db_default="")
    tax_rate = models.DecimalField(
        _("tax rate"),
        max_digits=5,
        decimal_places=4,
        default=TAX_RATE,
        db_default=TAX_RATE,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
        help_text=_("As a fraction: 0.1 is 10%."),
    )

    searched_fields = (*goods.Goods.searched_fields, "category_code", "vendor_code")

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")

    @property
    def tax_percent(self) -> Decimal:
        """The rate in percent: `10`, `7.5`."""
        percent = EXACT.multiply(self.tax_rate, 100).normalize(EXACT)
        return percent if int(percent.as_tuple().exponent) <= 0 else percent.quantize(Decimal(1), context=EXACT)
