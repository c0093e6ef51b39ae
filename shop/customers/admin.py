"""Customers in the shop's admin. The admin of orders adds their orders."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from shop.admin_site import shop_site
from shop.customers.models import Customer
from shop.variant_admin import ShopModelAdmin


@admin.register(Customer, site=shop_site)
class CustomerAdmin(ShopModelAdmin):
    list_display = ["person", "phone", "orders_count", "created_at"]
    list_per_page = 50
    search_fields = ["email", "name", "phone"]
    date_hierarchy = "created_at"
    fields = ["name", "email", "phone", "user", "created_at"]
    readonly_fields = ["created_at"]
    autocomplete_fields = ["user"]
    inlines: list[Any] = []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return cast("QuerySet[Customer]", super().get_queryset(request)).annotate(orders_count=Count("orders"))

    @display(description=_("customer"), header=True, ordering="name")
    def person(self, customer: Customer) -> list[str]:
        return [customer.name, customer.email, customer.name[:1]]

    @display(description=_("orders"), ordering="orders_count")
    def orders_count(self, customer: Any) -> Any:
        return customer.orders_count
