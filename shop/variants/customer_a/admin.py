"""Customer A's goods in the admin."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shop.goods import admin


class GoodsAdmin(admin.GoodsAdmin):
    list_display = [*admin.GoodsAdmin.list_display[:2], "category_code", *admin.GoodsAdmin.list_display[2:]]
    search_help_text = _("Search by name, description, vendor, category code, vendor code or SKU")
    fields = [*admin.GoodsAdmin.fields, "category_code", "vendor_code", "tax_rate"]
