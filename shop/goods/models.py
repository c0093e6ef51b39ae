"""What a shop sells: goods, their skus and their pictures, in categories."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, validate_money
from shop.goods.money_field import MoneyField
from shop.goods.queries import GoodsQuerySet, SkuQuerySet
from shop.goods.rich_text import RichTextField


class Category(models.Model):
    """A shelf of the shop."""

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
    """Something that the shop sells, in one or more skus."""

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
        verbose_name=_("option names"),
        help_text=_("What the skus differ in, one per line, such as Size."),
    )
    is_published = models.BooleanField(_("published"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = GoodsQuerySet.as_manager()

    searched_fields = ("name", "description__text", "vendor")
    """Where `GoodsQuerySet.search` looks, beside the codes of skus. A variant's goods may have more."""

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = _("goods")
        verbose_name_plural = _("goods")
        indexes = [models.Index(fields=["-created_at", "-id"], name="goods_newest_first")]

    def __str__(self) -> str:
        return self.name

    @property
    def picture(self) -> Picture | None:
        """The first picture, out of those that `with_prices` has fetched."""
        return next(iter(self.pictures.all()), None)


LEAST_STOCK, MOST_STOCK = -(2**31), 2**31 - 1
"""What the column holds."""


class Sku(models.Model):
    """What is put into a cart: goods with every option chosen, at a price, from a stock."""

    goods = models.ForeignKey(Goods, models.CASCADE, related_name="skus", verbose_name=_("goods"))
    code = models.CharField(_("code"), max_length=255, blank=True, help_text=_("Your own number for it."))
    option_values = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        verbose_name=_("option values"),
        help_text=_("One for each option name, one per line."),
    )
    price = MoneyField(_("price"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, validators=[validate_money])
    compare_at_price = MoneyField(
        _("price before"),
        max_digits=MAX_DIGITS,
        decimal_places=DECIMAL_PLACES,
        null=True,
        blank=True,
        validators=[validate_money],
        help_text=_("Shown crossed out beside the price."),
    )
    track_stock = models.BooleanField(
        _("count the stock"), default=True, db_default=True, help_text=_("Without, it is always for sale.")
    )
    allow_backorders = models.BooleanField(
        _("back orders"),
        default=False,
        db_default=False,
        help_text=_("Goes on selling at 0; the stock then counts the pieces that are owed, below 0."),
    )
    stock = models.IntegerField(_("stock"), default=0)
    weight_grams = models.PositiveIntegerField(_("weight in grams"), default=0)
    barcode = models.CharField(_("barcode"), max_length=255, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0)

    objects = SkuQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        verbose_name = _("sku")
        verbose_name_plural = _("skus")
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                condition=~Q(code=""),
                name="sku_code_unique",
                violation_error_message=_("Another sku has this code."),
            ),
            models.UniqueConstraint(
                fields=["goods", "option_values"],
                name="sku_options_unique",
                violation_error_message=_("These goods have a sku with these option values already."),
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="sku_price_not_negative"),
            models.CheckConstraint(
                condition=Q(stock__gte=0) | Q(allow_backorders=True) | Q(track_stock=False),
                name="sku_stock_covers_what_is_sold",
                violation_error_message=_(
                    "Below 0 the stock counts pieces on back order. Allow back orders, or enter a stock of 0 or more."
                ),
            ),
            models.CheckConstraint(condition=Q(compare_at_price__gte=0), name="sku_price_before_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.goods.name} ({self.title})" if self.option_values else self.goods.name

    @property
    def most(self) -> int | None:
        """How many pieces may be ordered now; None without a limit."""
        return max(self.stock, 0) if self.track_stock and not self.allow_backorders else None

    @property
    def is_in_stock(self) -> bool:
        """Whether a piece may be ordered now, be it there or on back order."""
        return self.covers(1)

    @property
    def is_on_back_order(self) -> bool:
        """Whether the next piece that is ordered is still to come."""
        return self.track_stock and self.allow_backorders and self.stock < 1

    def covers(self, quantity: int) -> bool:
        """Tell whether so many pieces may be ordered now."""
        if self.most is not None:
            return quantity <= self.most
        return not self.track_stock or self.stock - quantity >= LEAST_STOCK

    @property
    def title(self) -> str:
        """The chosen options: `Small / Blue`; empty for goods of a single sku."""
        return " / ".join(self.option_values)


class Picture(models.Model):
    """A picture of goods: a file of the shop, or the address of one elsewhere."""

    goods = models.ForeignKey(Goods, models.CASCADE, related_name="pictures", verbose_name=_("goods"))
    file = models.ImageField(_("file"), upload_to="goods/", max_length=255, blank=True)
    source_url = models.URLField(_("address"), max_length=2000, blank=True)
    alt = models.CharField(_("description"), max_length=512, blank=True)
    position = models.PositiveIntegerField(_("position"), default=1, validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["position", "id"]
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        constraints = [
            models.CheckConstraint(
                condition=~Q(file="") | ~Q(source_url=""),
                name="picture_has_file_or_address",
                violation_error_message=_("Choose a file or enter an address."),
            ),
        ]

    def __str__(self) -> str:
        return self.alt or self.url

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return self.file.url if self.file else self.source_url


class GoodsImport(models.Model):
    """A file of goods that was handed in, and what has come of it."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")

    file_name = models.CharField(_("file name"), max_length=255)
    size = models.PositiveBigIntegerField(_("size"))
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.WAITING)
    dry_run = models.BooleanField(_("dry run"), default=False, db_default=False)
    report = models.JSONField(_("report"), null=True)
    errors = models.JSONField(_("errors"), default=list)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("import of goods")
        verbose_name_plural = _("imports of goods")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.file_name


class ImportPiece(models.Model):
    """A piece of a file that waits to be imported. In the schema, and not among the files, which everybody may read."""

    goods_import = models.ForeignKey(GoodsImport, models.CASCADE, related_name="pieces", verbose_name=_("import"))
    number = models.PositiveIntegerField(_("number"))
    data = models.BinaryField(_("data"))

    class Meta:
        ordering = ["number"]
        verbose_name = _("piece of an import")
        verbose_name_plural = _("pieces of imports")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["goods_import", "number"], name="import_piece_once")]

    def __str__(self) -> str:
        return f"{self.goods_import_id}/{self.number}"
