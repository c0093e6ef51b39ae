"""Matches between a file and the shop: which SKU a part is, its position and its code, and categories by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.db.models import Q
from django.utils.text import slugify

from shop.goods.models import Category, Sku
from shop.goods.products import Part, Product
from tenants import current_tenant

Match = tuple[Part, Sku | None]


def match_skus(product: Product, existing: list[Sku]) -> list[Match]:
    """Return the SKUs of a product, each with the one of the shop that it is."""
    by_options = {tuple(sku.option_values): sku for sku in existing}
    # A SKU whose options were renamed is recognized by its code.
    by_code = {sku.code: sku for sku in existing if sku.code and tuple(sku.option_values) not in product.skus}
    matches, taken = [], set[int]()
    for options, part in product.skus.items():
        if "option_values" in part.fields:
            sku = by_options.get(options) or by_code.get(part.fields.get("code", ""))
        else:  # a file without columns for options
            sku = next((one for one in existing if one.code and one.code == part.fields.get("code")), None)
            sku = sku or (existing[0] if len(existing) == len(product.skus) == 1 else None)
        if sku and sku.pk in taken:  # another part has its options
            sku = None
        if sku:
            taken.add(sku.pk)
        matches.append((part, sku))
    return matches


def positions(matches: list[Match]) -> Iterator[int]:
    """Return positions that give SKUs the order of the file; SKUs that are in this order keep theirs.

    A file of stock or codes alone does not define an order.
    """
    says_order = all({"price", "option_values"} <= part.fields.keys() for part, _ in matches)
    last, last_id = 0, 0
    for _, sku in matches:
        if sku is not None and (not says_order or (sku.position, sku.pk) > (last, last_id)):
            last, last_id = sku.position, sku.pk
        else:
            last, last_id = last + 1, sku.pk if sku is not None else 2**63
        yield last


class Codes:
    """Which SKU has which code after a batch. A code belongs to one SKU of the shop."""

    def __init__(self, matches: list[Match]) -> None:
        wanted = {part.fields["code"] for part, _ in matches if part.fields.get("code")}
        held = Sku.objects.filter(code__in=wanted).select_related("goods") if wanted else ()
        self._holders = {sku.code: sku for sku in held}
        self._changing = {
            sku.pk: part.fields["code"]
            for part, sku in matches
            if sku and sku.code != part.fields.get("code", sku.code)
        }
        # A SKU that cannot get its new code keeps the old one, which another SKU may wait for.
        while kept := [pk for pk, code in self._changing.items() if code and self._is_held(code, pk)]:
            for pk in kept:
                del self._changing[pk]
        changed = [sku for _, sku in matches if sku and sku.pk in self._changing]
        self.given_up = [sku.pk for sku in changed if sku.code]

    def holder_of(self, part: Part, sku: Sku | None) -> Sku | None:
        """Return the other SKU that has the code and keeps it, if there is one."""
        code = part.fields.get("code")
        return self._holders[code] if code and self._is_held(code, sku.pk if sku else None) else None

    def _is_held(self, code: str, by_other_than: int | None) -> bool:
        holder = self._holders.get(code)
        return holder is not None and holder.pk != by_other_than and holder.pk not in self._changing


def picture_key(address: str) -> str:
    """Return what identifies a picture: its URL, or the path alone on the shop's own host."""
    parts = urlsplit(address)
    return parts.path if parts.hostname == current_tenant().host else address


def category_slug(name: str) -> str:
    # Names without a letter, such as "🎉" and "///", are different categories too.
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return slugify(name, allow_unicode=True)[:255] or f"other-{digest}"


def find_or_create_categories(names: set[str]) -> dict[str, Category]:
    """Return the categories with these names by `category_slug`."""
    wanted = {category_slug(name): name for name in sorted(names)}
    existing = Category.objects.filter(Q(slug__in=wanted) | Q(name__in=names))
    # The slug comes first; then a category with the name counts, even with another slug.
    by_name = {category_slug(category.name): category for category in existing if category.name in names}
    found = by_name | {category.slug: category for category in existing if category.slug in wanted}
    if found.keys() == wanted.keys():
        return found
    missing = [Category(slug=slug, name=name) for slug, name in wanted.items() if slug not in found]
    # The admin may add the same category at the same time.
    Category.objects.bulk_create(missing, ignore_conflicts=True)
    return found | {category.slug: category for category in Category.objects.filter(slug__in=wanted)}
