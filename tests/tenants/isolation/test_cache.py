"""Cache keys: no two tenants have the same, and none from before a cache was cleared is found."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants import PLATFORM, NoActiveTenant, TenantInfo, use_tenant
from tenants.isolation import cache as cache_module
from tenants.isolation.cache import cache_key

A = TenantInfo(id=1, slug="a", schema="t_1")
B = TenantInfo(id=11, slug="b", schema="t_11")

_KEYS = st.text(st.sampled_from("1:x"), max_size=4) | st.text(max_size=20)
_VERSIONS = st.sampled_from([1, 11])
_TENANTS = st.sampled_from(
    [PLATFORM, *(TenantInfo(id=number, slug="x", schema=f"t_{number}") for number in (1, 11, 111))]
)


@settings(max_examples=500)
@given(_TENANTS, _KEYS, _KEYS, _VERSIONS, _TENANTS, _KEYS, _KEYS, _VERSIONS)
def test_no_keys_of_two_tenants_meet(
    one: TenantInfo, key: str, prefix: str, version: int, other: TenantInfo, key_2: str, prefix_2: str, version_2: int
) -> None:
    with use_tenant(one):
        first = cache_key(key, prefix, version)
    with use_tenant(other):
        second = cache_key(key_2, prefix_2, version_2)
    assert (first == second) <= (one.schema == other.schema)


@settings(max_examples=500)
@given(_TENANTS, _KEYS, _VERSIONS, _TENANTS, _KEYS, _VERSIONS)
def test_cache_keys_of_tenant_version_and_key_never_collide(
    one: TenantInfo, key: str, version: int, other: TenantInfo, key_2: str, version_2: int
) -> None:
    with use_tenant(one):
        first = cache_key(key, "p:", version)
    with use_tenant(other):
        second = cache_key(key_2, "p:", version_2)
    assert (first == second) == ((one.schema, version, key) == (other.schema, version_2, key_2))


def test_django_cache_belongs_to_the_active_tenant() -> None:
    for tenant, value in ((A, "of a"), (B, "of b"), (PLATFORM, "of the platform")):
        with use_tenant(tenant):
            assert cache.get("greeting") is None
            cache.set("greeting", value)
    for tenant, value in ((A, "of a"), (B, "of b"), (PLATFORM, "of the platform")):
        with use_tenant(tenant):
            assert cache.get("greeting") == value
            cache.delete("greeting")
    with pytest.raises(NoActiveTenant):
        cache.get("greeting")


def test_generations_of_emptied_caches_are_bounded_and_the_newest_holds() -> None:
    """Fault 62: of as many tenants as may have requests under way."""
    before = dict(cache_module._generations)
    cache_module._generations.clear()
    try:
        for number in range(cache_module._MAX_GENERATIONS + 500):
            cache_module.set_cache_generation(f"t_{number}", 1)
        cache_module.set_cache_generation("t_600", 2)
        for number in range(5000, 5000 + cache_module._MAX_GENERATIONS - 1):
            cache_module.set_cache_generation(f"t_{number}", 1)
        assert len(cache_module._generations) == cache_module._MAX_GENERATIONS
        with use_tenant(TenantInfo(id=600, slug="a", schema="t_600")):
            assert cache_key("key", "", 1) == "t_600.2.:1:key"
    finally:
        cache_module._generations.clear()
        cache_module._generations.update(before)
