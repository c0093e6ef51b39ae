"""Goods with SKUs and pictures, in categories."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, validate_money
from shop.goods.money_field import MoneyField
from shop.goods.queries import GoodsQuerySet, SkuQuerySet
from shop.goods.rich_text import RichTextField

MIN_STOCK, MAX_STOCK = -(2**31), 2**31 - 1  # the range of the column


class Category(models.Model):
    name = models.CharField(_("name"), max_length=255)
    slug = models.SlugField(_("slug"), max_length=255, unique=True, allow_unicode=True)
    position = models.PositiveIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["position", "name", "id"]
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name


class Goods(models.Model):
    """A product, sold in one or more SKUs."""

    name = models.CharField(_("name"), max_length=255)
    slug = models.SlugField(_("slug"), max_length=255, unique=True, allow_unicode=True)
    description = RichTextField(_("description"), blank=True)
    vendor = models.CharField(_("vendor"), max_length=255, blank=True)
    category = models.ForeignKey(
        Category, models.SET_NULL, null=True, blank=True, related_name="goods", verbose_name=_("category")
    )
    tags = ArrayField(models.CharField(max_length=255), default=list, blank=True, verbose_name=_("tags"))
    option_names = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        verbose_name=_("options"),
        help_text=_("One option per line, such as Size."),
    )
    is_published = models.BooleanField(_("published"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects = GoodsQuerySet.as_manager()

    searched_fields: ClassVar[tuple[str, ...]] = ("name", "description__text", "vendor")
    """Where `GoodsQuerySet.search` looks, besides the codes of SKUs. A variant's goods may have more."""

    # Added by methods of `GoodsQuerySet`.
    lowest_price: Decimal | None
    highest_price: Decimal | None
    stock: int | None
    in_stock: bool
    sku_list: list[Sku]
    picture_list: list[Picture]

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = _("product")
        verbose_name_plural = _("products")
        indexes = [models.Index(fields=["-created_at", "-id"], name="goods_newest_first")]

    def __str__(self) -> str:
        return self.name

    @property
    def picture(self) -> Picture | None:
        return next(iter(self.pictures.all()), None)


class Sku(models.Model):
    """What a customer puts into the cart: goods with a value for each option, at a price, from a stock."""

    goods = models.ForeignKey(Goods, models.CASCADE, related_name="skus", verbose_name=_("product"))
    code = models.CharField(_("SKU"), max_length=255, blank=True, help_text=_("Stock keeping unit: your own number."))
    option_values = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        verbose_name=_("option values"),
        help_text=_("One value per line, for each option of the product."),
    )
    price = MoneyField(_("price"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, validators=[validate_money])
    compare_at_price = MoneyField(
        _("compare-at price"),
        max_digits=MAX_DIGITS,
        decimal_places=DECIMAL_PLACES,
        null=True,
        blank=True,
        validators=[validate_money],
        help_text=_("The price before a sale, shown crossed out."),
    )
    track_stock = models.BooleanField(
        _("track stock"), default=True, db_default=True, help_text=_("If off, the variant is always available.")
    )
    allow_backorders = models.BooleanField(
        _("back orders"),
        default=False,
        db_default=False,
        help_text=_("Continue selling when out of stock. Negative stock is the quantity on back order."),
    )
    stock = models.IntegerField(_("stock"), default=0)
    weight_grams = models.PositiveIntegerField(_("weight (g)"), default=0)
    barcode = models.CharField(_("barcode"), max_length=255, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0)

    objects = SkuQuerySet.as_manager()

    selling_price: Decimal  # by `SkuQuerySet.priced`
    selling_price_before: Decimal | None

    class Meta:
        ordering = ["position", "id"]
        verbose_name = pgettext_lazy("product", "variant")
        verbose_name_plural = _("variants")
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                condition=~Q(code=""),
                name="sku_code_unique",
                violation_error_message=_("Another variant has this SKU."),
            ),
            models.UniqueConstraint(
                fields=["goods", "option_values"],
                name="sku_options_unique",
                violation_error_message=_("This product already has a variant with these option values."),
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="sku_price_not_negative"),
            models.CheckConstraint(
                condition=Q(stock__gte=0) | Q(allow_backorders=True) | Q(track_stock=False),
                name="sku_stock_covers_what_is_sold",
                violation_error_message=_("Stock cannot be negative. Enter 0 or more, or allow back orders."),
            ),
            models.CheckConstraint(condition=Q(compare_at_price__gte=0), name="sku_price_before_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.goods.name} ({self.title})" if self.option_values else self.goods.name

    @property
    def max_quantity(self) -> int | None:
        """The largest quantity that can be ordered now; None: no limit."""
        return max(self.stock, 0) if self.track_stock and not self.allow_backorders else None

    @property
    def is_in_stock(self) -> bool:
        """Whether one can be ordered now, from stock or on back order."""
        return self.covers(1)

    @property
    def is_on_back_order(self) -> bool:
        return self.track_stock and self.allow_backorders and self.stock < 1

    def covers(self, quantity: int) -> bool:
        if self.max_quantity is not None:
            return quantity <= self.max_quantity
        return not self.track_stock or self.stock - quantity >= MIN_STOCK

    @property
    def title(self) -> str:
        return " / ".join(self.option_values)


class Picture(models.Model):
    """A picture of goods: an uploaded file, or an address elsewhere."""

    goods = models.ForeignKey(Goods, models.CASCADE, related_name="pictures", verbose_name=_("product"))
    file = models.ImageField(_("file"), upload_to="goods/", max_length=255, blank=True)
    source_url = models.URLField(_("URL"), max_length=2000, blank=True)
    alt = models.CharField(_("alt text"), max_length=512, blank=True)
    position = models.PositiveIntegerField(_("position"), default=1, validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["position", "id"]
        verbose_name = _("image")
        verbose_name_plural = _("images")
        constraints = [
            models.CheckConstraint(
                condition=~Q(file="") | ~Q(source_url=""),
                name="picture_has_file_or_address",
                violation_error_message=_("Choose a file or enter a URL."),
            ),
        ]

    def __str__(self) -> str:
        return self.alt or self.url

    @property
    def url(self) -> str:
        return self.file.url if self.file else self.source_url


class GoodsImport(models.Model):
    """An uploaded file of goods, and the result of its import."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        REFUSED = "refused", _("failed")

    file_name = models.CharField(_("file name"), max_length=255)
    size = models.PositiveBigIntegerField(_("size"))
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.WAITING)
    dry_run = models.BooleanField(_("dry run"), default=False, db_default=False)
    report = models.JSONField(pgettext_lazy("import", "report"), null=True)
    errors = models.JSONField(_("errors"), default=list)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("product import")
        verbose_name_plural = _("product imports")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.file_name


class ImportPiece(models.Model):
    """A piece of an uploaded file. In the schema: media files are public."""

    goods_import = models.ForeignKey(GoodsImport, models.CASCADE, related_name="pieces", verbose_name=_("import"))
    number = models.PositiveIntegerField(_("number"))
    data = models.BinaryField(_("data"))

    class Meta:
        ordering = ["number"]
        verbose_name = _("part of an import")
        verbose_name_plural = _("parts of imports")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["goods_import", "number"], name="import_piece_once")]

    def __str__(self) -> str:
        return f"{self.goods_import_id}/{self.number}"
