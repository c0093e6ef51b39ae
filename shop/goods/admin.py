"""Goods, stock and categories in the shop's admin."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.overrides import FORMFIELD_OVERRIDES_INLINE
from unfold.widgets import UnfoldAdminTextareaWidget

from shop.admin_site import shop_site
from shop.goods.exporter import export_goods
from shop.goods.forms import DescriptionWidget, LinesField, PictureForm, SkuForm, SkuFormSet
from shop.goods.models import Category, Goods, Picture, Sku
from shop.goods.money import format_money
from shop.goods.queries import GoodsQuerySet
from shop.goods.rich_text import RichTextField
from shop.variant_admin import ShopInline, ShopModelAdmin
from tenants import current_tenant
from tenants.absolute_urls import absolute
from tenants.variants import resolve

_LINES: dict[Any, Any] = {
    ArrayField: {"form_class": LinesField, "widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}
}


class SkuInline(ShopInline):
    model = Sku
    form = SkuForm
    formset = SkuFormSet
    extra = 0
    # All SKUs of a large product would have more fields than Django accepts (DATA_UPLOAD_MAX_NUMBER_FIELDS).
    per_page = 50
    fields = [
        "option_values", "code", "price", "compare_at_price", "stock", "track_stock", "allow_backorders",
        "weight_grams", "barcode", "position",
    ]  # fmt: skip
    formfield_overrides = {**FORMFIELD_OVERRIDES_INLINE, **_LINES}


class PictureInline(ShopInline):
    model = Picture
    form = PictureForm
    extra = 0
    per_page = 50
    fields = ["thumbnail", "file", "source_url", "alt", "position"]
    readonly_fields = ["thumbnail"]
    formfield_overrides = {**FORMFIELD_OVERRIDES_INLINE, models.URLField: {"assume_scheme": "https"}}

    @display(description=_("preview"))
    def thumbnail(self, picture: Picture) -> str:
        # A style and not an attribute, which the theme's style sheet would override.
        image = '<img src="{}" alt="" loading="lazy" style="height: 48px; width: auto">'
        return format_html(image, picture.url) if picture.pk else ""


@admin.register(Goods, site=shop_site)
class GoodsAdmin(ShopModelAdmin):
    list_display = ["goods", "category", "price", "pieces", "is_published", "updated_at"]
    list_filter = ["is_published", "category"]
    list_per_page = 50
    search_fields = ["name"]
    search_help_text = _("Search by name, description, vendor or SKU")
    prepopulated_fields = {"slug": ["name"]}
    fields = ["name", "slug", "is_published", "category", "vendor", "description", "tags", "option_names"]
    autocomplete_fields = ["category"]
    inlines = [SkuInline, PictureInline]
    formfield_overrides = {**_LINES, RichTextField: {"widget": DescriptionWidget}}
    actions = ["export"]

    @admin.action(description=_("Export as CSV"), permissions=["view"])
    def export(self, request: HttpRequest, goods: QuerySet[Goods]) -> StreamingHttpResponse:
        chosen = resolve(Goods).objects.filter(pk__in=goods.values("pk"))
        lines = export_goods(chosen, address=absolute)
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{current_tenant().slug}-goods.csv"'
        return response

    def get_queryset(self, request: HttpRequest) -> GoodsQuerySet:
        # The list shows what `with_prices` annotates, and needs no SKUs.
        goods = cast(GoodsQuerySet, super().get_queryset(request))
        return goods.with_prices().prefetch_related(None).prefetch_related("pictures")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Goods | None:
        goods = cast("Goods | None", super().get_object(request, object_id, from_field))
        if goods and _is_saving(request):
            list(goods.skus.select_for_update().order_by("pk"))
        return goods

    def get_search_results(
        self, request: HttpRequest, queryset: GoodsQuerySet, search_term: str
    ) -> tuple[GoodsQuerySet, bool]:
        return queryset.search(search_term), False

    @display(description=_("product"), header=True, ordering="name")
    def goods(self, goods: Goods) -> list[Any]:
        size = {"width": 40, "height": 40, "squared": True}
        thumbnail = {"path": goods.picture.url, **size} if goods.picture else {}
        return [goods.name, goods.vendor, goods.name[:1], thumbnail]

    @display(description=_("price"), ordering="lowest_price")
    def price(self, goods: Goods) -> str:
        prices = [price for price in (goods.lowest_price, goods.highest_price) if price is not None]
        currency, language = current_tenant().currency, get_language() or ""
        return " – ".join(format_money(price, currency, language) for price in dict.fromkeys(prices)) or "–"

    @display(description=_("stock"), ordering="stock", label={"sold out": "danger", "in stock": "success"})
    def pieces(self, goods: Goods) -> tuple[str, str]:
        if not goods.in_stock:
            return "sold out", "0"
        # Nothing that is available is tracked, or all of it is on back order.
        return "in stock", str(goods.stock) if goods.stock else "∞"


@admin.register(Sku, site=shop_site)
class StockAdmin(ShopModelAdmin):
    """The stock of SKUs, for staff without the permission to change goods."""

    form = SkuForm
    list_display = ["goods", "title", "code", "stock", "track_stock", "allow_backorders"]
    list_filter = ["goods__category", "track_stock", "allow_backorders"]
    list_per_page = 50
    list_select_related = ["goods"]
    search_fields = ["goods__name", "code", "barcode"]
    ordering = ["goods__name", "position", "id"]
    fields = ["goods", "title", "code", "barcode", "stock", "track_stock", "allow_backorders"]
    readonly_fields = ["goods", "title", "code", "barcode"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Sku | None:
        sku = cast("Sku | None", super().get_object(request, object_id, from_field))
        if sku and _is_saving(request):
            Sku.objects.select_for_update().get(pk=sku.pk)
            sku = cast("Sku | None", super().get_object(request, object_id, from_field))  # as it is after the lock
        return sku

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description=_("options"))
    def title(self, sku: Sku) -> str:
        return sku.title


@admin.register(Category, site=shop_site)
class CategoryAdmin(ShopModelAdmin):
    list_display = ["name", "slug", "position", "goods_count"]
    list_editable = ["position"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return cast("QuerySet[Category]", super().get_queryset(request)).annotate(goods_count=Count("goods"))

    @display(description=_("products"), ordering="goods_count")
    def goods_count(self, category: Any) -> Any:
        return category.goods_count


def _is_saving(request: HttpRequest) -> bool:
    # Then SKUs are locked as orders lock them, so that the stock stays what the form compares it with.
    return request.method == "POST" and connection.in_atomic_block
