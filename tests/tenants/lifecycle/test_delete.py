"""A deleted tenant can be restored; a purged one is dropped in batches that fit PostgreSQL's lock table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.utils import timezone

from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.errors import TenantExists
from tenants.lifecycle import (
    TenantSpec,
    create_tenant,
    delete_tenant,
    due_for_purge,
    purge_tenant,
    resume_tenant,
    suspend_tenant,
    undelete_tenant,
)
from tenants.models import AuditEvent, Tenant
from tenants.postgresql import tenant_schemas as schemas
from tenants.registry.lookup import tenant_by_slug

OpenShop = Callable[..., TenantInfo]


def status_at(tenant: TenantInfo) -> int:
    return Client(HTTP_HOST=tenant.host).get("/api/v1/goods").status_code


def test_a_deleted_shop_is_like_none_and_can_be_had_back(open_shop: OpenShop) -> None:
    shop = open_shop()
    assert status_at(shop) == 200
    delete_tenant(shop.slug)
    unknown = Client(HTTP_HOST="never-was.localhost").get("/")
    gone = Client(HTTP_HOST=shop.host).get("/")
    assert (gone.status_code, gone.content) == (404, unknown.content)
    with pytest.raises(TenantNotFound):
        tenant_by_slug(shop.slug)
    with pytest.raises(TenantExists):
        create_tenant(TenantSpec(slug=shop.slug))
    undelete_tenant(shop.slug)
    assert status_at(shop) == 200


def test_a_suspended_tenant_is_had_back_suspended(live_tenant: TenantInfo) -> None:
    suspend_tenant(live_tenant.slug, notice="Unpaid")
    delete_tenant(live_tenant.slug)
    assert undelete_tenant(live_tenant.slug).status == Tenant.Status.SUSPENDED
    assert status_at(live_tenant) == 503
    resume_tenant(live_tenant.slug)
    assert status_at(live_tenant) == 200


def test_only_what_is_deleted_can_be_purged(live_tenant: TenantInfo) -> None:
    with pytest.raises(TenantNotFound):
        purge_tenant(live_tenant.slug)
    assert status_at(live_tenant) == 200


def test_a_purge_is_due_when_the_days_of_grace_are_over(live_tenant: TenantInfo) -> None:
    delete_tenant(live_tenant.slug)
    assert live_tenant.slug not in due_for_purge()
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=live_tenant.id).update(purge_after=timezone.now() - timedelta(seconds=1))
    assert live_tenant.slug in due_for_purge()


def test_a_purge_leaves_nothing_but_the_record_of_it(open_shop: OpenShop) -> None:
    shop, neighbour = open_shop(), open_shop()
    for tenant in (shop, neighbour):
        with use_tenant(tenant):
            default_storage.save("picture.txt", ContentFile(b"x"))
    delete_tenant(shop.slug)
    purge_tenant(shop.slug)
    with use_tenant(PLATFORM):
        assert schemas.existing_schemas([shop.schema, neighbour.schema]) == {neighbour.schema}
        assert schemas.existing_roles([shop.role, neighbour.role]) == {neighbour.role}
        actions = AuditEvent.objects.filter(tenant_id=shop.id).order_by("id").values_list("action", flat=True)
        assert list(actions) == ["create", "delete", "purge"]
    with use_tenant(shop):
        assert not default_storage.exists("picture.txt")
    with use_tenant(neighbour):
        assert default_storage.exists("picture.txt")
    assert create_tenant(TenantSpec(slug=shop.slug)).schema != shop.schema
    delete_tenant(shop.slug)
    purge_tenant(shop.slug)


def test_a_purge_that_was_cut_short_is_finished_by_the_next(live_tenant: TenantInfo) -> None:
    class CutShort(Exception):
        pass

    def cut(done: int, total: int) -> None:
        if done < total:
            raise CutShort

    with use_tenant(live_tenant.as_owner()), connection.cursor() as cursor:
        cursor.execute("".join(f"CREATE TABLE extra_{i} (i int);" for i in range(30)))
    delete_tenant(live_tenant.slug)
    with pytest.raises(CutShort):
        purge_tenant(live_tenant.slug, cut)
    with pytest.raises(TenantNotFound):
        undelete_tenant(live_tenant.slug)
    assert live_tenant.slug in due_for_purge()
    purge_tenant(live_tenant.slug)
    with use_tenant(PLATFORM):
        assert not Tenant.objects.filter(pk=live_tenant.id).exists()
