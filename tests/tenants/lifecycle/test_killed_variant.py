"""A killed change of a variant leaves the tenant unchanged, and can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shop.goods.models import Goods
from shop.variants.customer_a import models as customer_a
from tenants import TenantInfo, use_tenant
from tenants.lifecycle import set_variant
from tenants.migrator.verify import verify
from tenants.postgresql import tenant_schemas as schemas
from tenants.registry.lookup import registry, tenant_by_slug
from tests.tenants.lifecycle.test_killed_copies import Victim, victim_of  # noqa: F401  # a fixture

MOMENTS = (0.02, 0.2, 0.4, 0.6, 0.75, 0.9)
"""How much of a switch is done when it is killed."""


def state(shop: TenantInfo) -> tuple[str, list[str], list[str]]:
    """Return the tenant's variant, its tables, and what `verify` finds wrong with it."""
    registry.clear()
    now = tenant_by_slug(shop.slug)
    with use_tenant(now):
        tables = schemas.table_names(now.schema)
    return now.variant, tables, [found.what for found in verify([now])]


OpenShop = Callable[..., TenantInfo]
VictimOf = Callable[[str], Victim]


def open_with_goods(open_shop: OpenShop) -> TenantInfo:
    shop = open_shop()
    with use_tenant(shop):
        Goods.objects.bulk_create(Goods(name=f"Goods {n}", slug=f"goods-{n}") for n in range(5))
    return shop


def assert_kills_leave(shop: TenantInfo, victim: Victim, variant: str) -> None:
    """Kill the switch at every moment, and cut its connection; then let it be done."""
    before = state(shop)
    assert before[2] == []
    for moment in MOMENTS:
        assert victim.attempt(f"kill {moment}") == "killed"
        assert state(shop) == before
    assert victim.attempt("cut 0.5").startswith("failed")
    assert state(shop) == before
    assert victim.attempt("count").startswith("done")
    now, _, wrong = state(shop)
    assert (now, wrong) == (variant, [])


@pytest.mark.timeout(900)
def test_a_killed_switch_to_a_new_variant_leaves_no_table_of_it(
    open_shop: OpenShop,
    victim_of: VictimOf,  # noqa: F811
    tmp_path: Path,
) -> None:
    slug = tmp_path / "slug"
    victim = victim_of(f"set_variant(open('{slug}').read(), 'customer_a')")
    slug.write_text(open_with_goods(open_shop).slug)
    assert victim.attempt("count").startswith("done"), "how many statements it takes is known from another shop"
    shop = open_with_goods(open_shop)
    slug.write_text(shop.slug)
    assert_kills_leave(shop, victim, "customer_a")


@pytest.mark.timeout(900)
def test_a_killed_switch_back_or_forth_loses_nothing(
    open_shop: OpenShop,
    victim_of: VictimOf,  # noqa: F811
) -> None:
    shop = open_with_goods(open_shop)
    set_variant(shop.slug, "customer_a")
    with use_tenant(tenant_by_slug(shop.slug)):
        customer_a.Goods.objects.update(category_code="kept")
    for before, after in (("customer_a", "default"), ("default", "customer_a")):
        victim = victim_of(f"set_variant('{shop.slug}', '{after}')")
        assert victim.attempt("count").startswith("done")
        set_variant(shop.slug, before)
        assert_kills_leave(shop, victim, after)
    with use_tenant(tenant_by_slug(shop.slug)):
        assert list(customer_a.Goods.objects.values_list("category_code", flat=True)) == ["kept"] * 5
