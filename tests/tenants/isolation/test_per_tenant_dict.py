"""`PerTenantDict` is bounded, and threads share it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.test import override_settings

from tenants import TenantInfo, use_tenant
from tenants.isolation.per_tenant_dict import PerTenantDict
from tests.settings import TENANTS


def test_a_mapping_per_tenant_keeps_the_newest_tenants_alone() -> None:
    """Fault 62: as many as the registry keeps; who was asked for longest ago goes first."""
    mapping = PerTenantDict()
    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 3}):
        for number in (1, 2, 3, 1, 4, 5):
            with use_tenant(TenantInfo(id=number, slug=f"s{number}", schema=f"t_{number}")):
                mapping["key"] = number
    assert list(mapping._contents) == ["t_1", "t_4", "t_5"]
    for number, kept in ((1, {"key": 1}), (2, {})):
        with use_tenant(TenantInfo(id=number, slug="s", schema=f"t_{number}")):
            assert dict(mapping) == kept


def test_a_mapping_per_tenant_is_shared_by_threads() -> None:
    mapping = PerTenantDict()

    def use(number: int) -> bool:
        with use_tenant(TenantInfo(id=number, slug="s", schema=f"t_{number % 40}")):
            mapping[f"key-{number}"] = number
            PerTenantDict.forget(f"t_{number % 7}")
            return mapping.get(f"key-{number}") in {number, None}

    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 10}), ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(2000)))
        assert len(mapping._contents) <= 10
