"""Orders. Lines keep names and prices as they were at the time of the order."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shop.customers.models import Customer
from shop.goods.models import Sku
from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, amount_of
from shop.goods.money_field import MoneyField
from shop.orders.numbers import new_order_number


class Order(models.Model):
    class Status(models.TextChoices):
        PLACED = "placed", _("placed")
        PAID = "paid", _("paid")
        SHIPPED = "shipped", _("shipped")
        CANCELLED = "cancelled", _("cancelled")

    number = models.CharField(_("number"), max_length=16, unique=True, default=new_order_number, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders", verbose_name=_("customer"))
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.PLACED)
    ship_to = models.TextField(_("shipping address"))
    currency = models.CharField(_("currency"), max_length=3)
    total = MoneyField(_("total"), max_digits=MAX_DIGITS + 10, decimal_places=DECIMAL_PLACES)
    placed_at = models.DateTimeField(_("placed on"), auto_now_add=True)

    class Meta:
        ordering = ["-placed_at", "-id"]
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [models.Index(fields=["-placed_at", "-id"], name="orders_newest_first")]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """A quantity of one SKU in an order."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", verbose_name=_("order"))
    sku = models.ForeignKey(
        Sku, models.PROTECT, related_name="order_lines", verbose_name=pgettext_lazy("product", "variant")
    )
    goods_name = models.CharField(_("product"), max_length=255)
    sku_title = models.TextField(_("options"), blank=True)
    unit_price = MoneyField(_("unit price"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES)
    quantity = models.PositiveIntegerField(_("quantity"), validators=[MinValueValidator(1)])
    took_stock = models.BooleanField(_("taken from stock"), default=True, db_default=True, editable=False)
    """Whether the stock was tracked at the time of the order: a cancelled order restocks only what it took."""

    class Meta:
        ordering = ["id"]
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="order_line_quantity_positive")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.goods_name}"

    @property
    def amount(self) -> Decimal:
        return amount_of(self.unit_price, self.quantity)


class IdempotentResponse(models.Model):
    """The response to a request with an `Idempotency-Key`, for the same request when it is sent again."""

    sender = models.CharField(_("sender"), max_length=100)
    """The owner of the key: two clients can choose the same."""
    key = models.CharField(_("key"), max_length=255)
    request = models.CharField(_("request"), max_length=64)
    """A digest of the request."""
    status = models.PositiveSmallIntegerField(_("status"), default=0)
    headers = models.JSONField(_("headers"), default=dict)
    body = models.BinaryField(_("body"), default=b"")
    created_at = models.DateTimeField(_("created"), db_default=Now(), db_index=True)

    class Meta:
        verbose_name = _("idempotent response")
        verbose_name_plural = _("idempotent responses")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["sender", "key"], name="idempotent_response_once")]

    def __str__(self) -> str:
        return self.key
