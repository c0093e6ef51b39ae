"""What both versions of the API say and take in the same words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from ninja import Field, Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, StringConstraints, model_validator

from shop.goods.models import Picture
from shop.orders.models import Order
from shop.storefront.cart import MAX_LINES, MAX_QUANTITY

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text holds no NUL."""
_INTEGER_MAX = 2**31 - 1
"""What PostgreSQL's integers hold."""

Text = Annotated[str, StringConstraints(max_length=255, pattern=NO_NUL, strip_whitespace=True)]
"""A line of text."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_NUL, strip_whitespace=True)]
"""A line of text that is there."""
Slug = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[-\w]+$")]
"""Letters of any script, digits and hyphens."""
LongText = Annotated[str, StringConstraints(max_length=100_000, pattern=NO_NUL)]
Count = Annotated[int, Field(ge=0, le=_INTEGER_MAX)]
"""How many there are of something."""
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
"""Pieces of one sku that somebody wants."""
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Phone = Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL, strip_whitespace=True)]


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise ValueError("This is no e-mail address.") from error
    return text.lower()


Email = Annotated[
    str, StringConstraints(max_length=254), AfterValidator(_email), Field(json_schema_extra={"format": "email"})
]


class Input(Schema):
    """What a client sends: a field that is not known is an error and not passed over."""

    model_config = ConfigDict(extra="forbid")


# --- Categories and pictures


class CategoryOut(Schema):
    """A shelf of the shop."""

    id: int
    name: str
    slug: str
    position: int


class CategoryIn(Input):
    """A category to be made."""

    name: Name
    slug: Slug
    position: Count = 0


class CategoryPatch(Input):
    """What shall be different in a category; what is left out stays."""

    name: Name = Field(None)
    slug: Slug = Field(None)
    position: Count = Field(None)


class CategoryOfGoods(Schema):
    """The category that goods are in."""

    name: str
    slug: str


class PictureOut(Schema):
    """A picture of goods."""

    url: str
    alt: str

    @staticmethod
    def resolve_url(picture: Picture, context: dict[str, HttpRequest]) -> str:
        return context["request"].build_absolute_uri(picture.url)


class PictureIn(Input):
    """A picture that is elsewhere on the web."""

    url: str = Field(max_length=2000, pattern=r"^https?://[^\s\x00]+$")
    alt: Annotated[str, StringConstraints(max_length=512, pattern=NO_NUL)] = ""


# --- Goods: what both versions have of them


class SkuFacts(Schema):
    """What is known of a sku beside its prices."""

    id: int
    code: str
    title: str = Field(description="The chosen options: “Small / Blue”; empty for goods of one kind.")
    option_values: list[str]
    stock: int
    barcode: str
    weight_grams: int


class GoodsFacts(Schema):
    """What is known of goods beside prices and skus."""

    id: int
    name: str
    slug: str
    description: str
    vendor: str
    category: CategoryOfGoods | None
    tags: list[str]
    option_names: list[str]
    is_published: bool
    created_at: datetime
    updated_at: datetime
    pictures: list[PictureOut]


class SkuFactsIn(Input):
    """A sku to be made, beside its prices."""

    code: Text = ""
    option_values: list[Name] = Field(default=[], max_length=10, description="One for each option name of the goods.")
    stock: Count = 0
    weight_grams: Count = 0
    barcode: Text = ""
    position: Count = 0


class SkuPatch(Input):
    """What shall be different in a sku; what is left out stays. Stock and prices have addresses of their own."""

    code: Text = Field(None)
    option_values: list[Name] = Field(None, max_length=10)
    weight_grams: Count = Field(None)
    barcode: Text = Field(None)
    position: Count = Field(None)


class StockIn(Input):
    """How many pieces there are now: a number, or how many more or fewer."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["stock"]}, {"required": ["change"]}]})

    stock: Count = Field(None, description="How many there are.")
    change: int = Field(None, ge=-(2**31), le=2**31 - 1, description="How many more, or fewer if negative.")

    @model_validator(mode="after")
    def _is_either(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("Send either stock or change.")
        return self


class GoodsFactsIn(Input):
    """Goods to be made, beside their skus."""

    name: Name
    slug: Slug
    description: LongText = ""
    vendor: Text = ""
    category: Slug | None = Field(None, description="The slug of a category; null: none.")
    tags: list[Name] = Field(default=[], max_length=250)
    option_names: list[Name] = Field(default=[], max_length=10)
    is_published: bool = True
    pictures: list[PictureIn] = Field(default=[], max_length=250)


class GoodsPatch(Input):
    """What shall be different in goods; what is left out stays. Skus have addresses of their own."""

    name: Name = Field(None)
    slug: Slug = Field(None)
    description: LongText = Field(None)
    vendor: Text = Field(None)
    category: Slug | None = Field(None, description="The slug of a category; null: none.")
    tags: list[Name] = Field(None, max_length=250)
    option_names: list[Name] = Field(None, max_length=10)
    is_published: bool = Field(None)
    pictures: list[PictureIn] = Field(None, max_length=250, description="In the place of all that there are.")


class GoodsFilter(Schema):
    """Which goods, and in which order."""

    search: str = Field("", max_length=200, description="Words that the name, description, vendor or a code has.")
    category: str = Field("", max_length=255, pattern=r"^[-\w]*$", description="The slug of a category.")
    vendor: str = Field("", max_length=255, pattern=NO_NUL, description="The vendor, in full.")
    tag: str = Field("", max_length=255, pattern=NO_NUL, description="A tag, in full.")
    in_stock: bool | None = Field(None, description="true: some pieces are left; false: sold out.")
    updated_since: AwareDatetime | None = Field(None, description="Changed at that time or later, with its time zone.")
    published: Literal["true", "false", "any"] = Field(
        "true", description="What is not published only staff may see (`goods.view_goods`)."
    )
    ordering: Literal["-created_at", "created_at", "-updated_at", "updated_at", "name", "-name", "price", "-price"] = (
        Field("-created_at", description="A field to order by; with a hyphen, from the top down.")
    )


class SkuFilter(Schema):
    """Which skus."""

    search: str = Field("", max_length=200, description="Words that the goods' name, the code or the barcode has.")
    goods: Id | None = Field(None, description="The id of goods.")
    stock_below: int | None = Field(None, ge=0, le=_INTEGER_MAX, description="Fewer pieces than this are left.")


# --- Customers, orders, users


class CustomerOut(Schema):
    """Somebody who has ordered."""

    id: int
    email: str
    name: str
    phone: str
    created_at: datetime


class CustomerIn(Input):
    """A customer to be entered."""

    email: Email
    name: Name
    phone: Phone = ""


class CustomerPatch(Input):
    """What shall be different in a customer; what is left out stays."""

    email: Email = Field(None)
    name: Name = Field(None)
    phone: Phone = Field(None)


class CustomerFilter(Schema):
    """Which customers."""

    search: str = Field("", max_length=200, description="A part of the name, e-mail address or phone.")


class LineIn(Input):
    """Some pieces of a sku."""

    sku: Id = Field(description="The id of a sku.")
    quantity: Quantity


class OrderFactsIn(Input):
    """An order to be placed, beside the total that was agreed to."""

    customer: CustomerIn
    ship_to: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=NO_NUL)] = Field(
        description="The lines of the parcel's label."
    )
    lines: list[LineIn] | None = Field(
        None,
        min_length=1,
        max_length=MAX_LINES,
        description="What is wanted; null: what is in the cart, which is empty then.",
    )


class OrderFacts(Schema):
    """What is known of an order beside amounts of money."""

    number: str
    status: str
    placed_at: datetime
    email: str = Field(alias="customer.email")
    customer: int | None = Field(description="The customer's id; null for who may not see customers.")
    ship_to: str

    @staticmethod
    def resolve_customer(order: Order, context: dict[str, HttpRequest]) -> int | None:
        # Whoever types an address has not proved that it is theirs: not even whether it is known is told to them.
        return order.customer_id if context["request"].auth.may("customers.view_customer") else None


class LineFacts(Schema):
    """What is known of a line of an order beside amounts of money."""

    sku: int = Field(alias="sku_id")
    goods_name: str
    sku_title: str
    quantity: int


class OrderFilter(Schema):
    """Which orders."""

    status: Order.Status | None = None
    customer: Id | None = Field(None, description="The id of a customer.")
    placed_since: AwareDatetime | None = Field(None, description="Placed at that time or later, with its time zone.")


class StatusIn(Input):
    """What becomes of an order."""

    status: Literal["paid", "shipped", "cancelled"]


class UserOut(Schema):
    """Somebody who can sign in at this shop."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    is_staff: bool
    is_active: bool
    groups: list[str]
    last_login: datetime | None

    @staticmethod
    def resolve_groups(user: User) -> list[str]:
        return [group.name for group in user.groups.all()]


class MeOut(Schema):
    """Whom a request acts for."""

    username: str = Field(description="Empty for an application that acts for itself.")
    client: str = Field(description="The application or key of the token; empty for a session.")
    is_staff: bool
    permissions: list[str] = Field(description="What they may do, as Django's permissions.")
    scopes: list[str] | None = Field(description="What the token is good for; null for a session.")


# --- Many goods at once


class BulkReport(Schema):
    """What was done, in numbers of goods; goods of which a sku or picture is new or differs are updated."""

    created: int
    updated: int
    unchanged: int
    skus: int
    pictures: int


class ImportOut(Schema):
    """A file of goods that was handed in, and what has come of it."""

    id: int
    status: str
    file_name: str
    size: int = Field(description="In bytes.")
    report: BulkReport | None
    errors: list[str]
    created_at: datetime
    finished_at: datetime | None
