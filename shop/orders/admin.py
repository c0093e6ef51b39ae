"""Orders in the shop's admin: viewed, and given a status; not created, edited or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import Model, QuerySet, Sum
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from shop.admin_site import shop_site
from shop.customers.admin import CustomerAdmin
from shop.goods.money import format_money
from shop.orders import services
from shop.orders.errors import OrderRefused
from shop.orders.models import Order, OrderLine
from shop.variant_admin import ShopModelAdmin
from tenants.contrib.accounts.admin_base import UntitledInline

_LABELS = {
    Order.Status.PLACED: "info",
    Order.Status.PAID: "warning",
    Order.Status.SHIPPED: "success",
    Order.Status.CANCELLED: "danger",
}


class ReadOnlyInlineMixin:
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class OrderLineInline(ReadOnlyInlineMixin, UntitledInline):
    model = OrderLine
    fields = ["goods_name", "sku_title", "quantity", "price_of_one", "price_of_all"]
    readonly_fields = ["price_of_one", "price_of_all"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        return cast("QuerySet[OrderLine]", super().get_queryset(request)).select_related("order")

    @display(description=_("unit price"))
    def price_of_one(self, line: OrderLine) -> str:
        return _money(line.unit_price, line.order)

    @display(description=_("amount"))
    def price_of_all(self, line: OrderLine) -> str:
        return _money(line.amount, line.order)


class OrdersOfCustomerInline(ReadOnlyInlineMixin, TabularInline):
    model = Order
    fields = ["number", "status", "amount", "placed_at"]
    readonly_fields = ["number", "amount", "placed_at"]
    show_change_link = True
    per_page = 20

    @display(description=_("total"))
    def amount(self, order: Order) -> str:
        return _money(order.total, order)


# Added here: orders import customers, and not the other way round.
CustomerAdmin.inlines = [OrdersOfCustomerInline]


@admin.register(Order, site=shop_site)
class OrderAdmin(ShopModelAdmin):
    list_display = ["number", "customer", "state", "pieces", "amount", "placed_at"]
    list_filter = ["status"]
    list_per_page = 50
    list_select_related = ["customer"]
    search_fields = ["number", "customer__email", "customer__name"]
    date_hierarchy = "placed_at"
    fields = ["number", "customer", "status", "amount", "placed_at", "ship_to"]
    readonly_fields = ["number", "customer", "status", "amount", "placed_at"]
    inlines = [OrderLineInline]
    actions = ["mark_as_paid", "mark_as_shipped", "cancel"]
    actions_submit_line = ["pay_this", "ship_this", "cancel_this"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return cast("QuerySet[Order]", super().get_queryset(request)).annotate(pieces=Sum("lines__quantity"))

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_actions_submit_line(self, request: HttpRequest, object_id: int) -> list[UnfoldAction]:
        order = self.get_object(request, str(object_id))
        possible = {f"orders_order_{_BUTTONS[status]}" for status in services.next_statuses(order)} if order else ()
        return [one for one in super().get_actions_submit_line(request, object_id) if one.action_name in possible]

    def save_model(self, request: HttpRequest, obj: Order, form: ModelForm[Order], change: bool) -> None:
        # Only what the form changed: a full save would undo a status that was set since the page was opened.
        if form.changed_data:
            obj.save(update_fields=form.changed_data)
        for button in self.get_actions_submit_line(request, obj.pk):
            if button.action_name in request.POST:
                button.method(request, obj)

    @display(description=_("status"), label=_LABELS, ordering="status")
    def state(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description=_("items"), ordering="pieces")
    def pieces(self, order: Any) -> Any:
        return order.pieces

    @display(description=_("total"), ordering="total")
    def amount(self, order: Order) -> str:
        return _money(order.total, order)

    @admin.action(description=_("Mark as paid"), permissions=["change"])
    def mark_as_paid(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._apply(services.mark_paid, request, orders)

    @admin.action(description=_("Mark as shipped"), permissions=["change"])
    def mark_as_shipped(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._apply(services.mark_shipped, request, orders)

    @admin.action(description=_("Cancel and restock"), permissions=["change"])
    def cancel(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._apply(services.cancel_order, request, orders)

    @action(description=_("Mark as paid"), permissions=["change"])
    def pay_this(self, request: HttpRequest, order: Order) -> None:
        self._apply(services.mark_paid, request, [order])

    @action(description=_("Mark as shipped"), permissions=["change"])
    def ship_this(self, request: HttpRequest, order: Order) -> None:
        self._apply(services.mark_shipped, request, [order])

    @action(description=_("Cancel order"), permissions=["change"])
    def cancel_this(self, request: HttpRequest, order: Order) -> None:
        self._apply(services.cancel_order, request, [order])

    def _apply(self, service: Callable[[Order], Order], request: HttpRequest, orders: Iterable[Order]) -> None:
        done = 0
        for order in orders:
            try:
                changed = service(order)
            except OrderRefused as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                self.log_change(request, changed, changed.get_status_display())
                done += 1
        if done:
            text = ngettext("%(count)s order updated.", "%(count)s orders updated.", done) % {"count": done}
            self.message_user(request, text, messages.SUCCESS)


_BUTTONS = {
    Order.Status.PAID: "pay_this",
    Order.Status.SHIPPED: "ship_this",
    Order.Status.CANCELLED: "cancel_this",
}


def _money(amount: Decimal | None, order: Order) -> str:
    # A form can have more rows than there are lines; the others have no amount.
    return "" if amount is None else format_money(amount, order.currency, get_language() or "")
