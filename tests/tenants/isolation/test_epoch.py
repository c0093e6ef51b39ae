"""New epochs of a tenant, and their propagation to every process."""

from __future__ import annotations

from typing import Any

import pytest

from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.lifecycle import rename_tenant, sign_out_tenant, suspend_tenant
from tenants.models import AuditEvent
from tenants.registry.lookup import registry, tenant_by_slug


def test_tenants_have_different_epochs(acme: TenantInfo, globex: TenantInfo, initech: TenantInfo) -> None:
    assert len({acme.epoch, globex.epoch, initech.epoch}) == 3
    assert all(len(tenant.epoch) == 32 for tenant in (acme, globex, initech))
    assert PLATFORM.epoch == ""


def test_signing_everybody_out_is_a_new_epoch_and_is_written_down(acme: TenantInfo) -> None:
    signed_out = sign_out_tenant("acme")
    registry.clear()
    assert signed_out.epoch == tenant_by_slug("acme").epoch != acme.epoch
    with use_tenant(PLATFORM):
        event = AuditEvent.objects.first()
    assert event is not None
    assert (event.action, event.slug) == ("sign_out", "acme")


def test_signing_out_an_unknown_tenant_is_an_error(db: Any) -> None:
    with pytest.raises(TenantNotFound):
        sign_out_tenant("nobody")


def test_a_renamed_tenant_has_another_epoch_and_a_suspended_one_has_not(acme: TenantInfo, globex: TenantInfo) -> None:
    assert rename_tenant("acme", "acme-two").epoch not in {acme.epoch, ""}
    assert suspend_tenant("globex").epoch == globex.epoch


def test_the_epoch_is_no_part_of_what_is_printed(acme: TenantInfo) -> None:
    assert acme.epoch not in repr(acme)
