"""A grocer's goods in the admin."""

from __future__ import annotations

from shop.goods import admin
from shop.variants.grocer.models import Sku


class SkuInline(admin.SkuInline):
    model = Sku
    fields = [*admin.SkuInline.fields, "best_before"]


class GoodsAdmin(admin.GoodsAdmin):
    list_filter = [*admin.GoodsAdmin.list_filter, "sold_by_weight"]
    fields = [*admin.GoodsAdmin.fields, "sold_by_weight"]
    inlines = [SkuInline, admin.PictureInline]


class StockAdmin(admin.StockAdmin):
    list_display = [*admin.StockAdmin.list_display, "best_before"]
    list_filter = [*admin.StockAdmin.list_filter, "best_before"]
    fields = [*admin.StockAdmin.fields, "best_before"]
