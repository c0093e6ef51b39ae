"""Content types: their ids are cached for each tenant, also in historical models and by copies of managers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from shop.goods.models import Goods
from tenants import TenantInfo, use_tenant


@pytest.fixture
def other_ids(acme: TenantInfo, globex: TenantInfo) -> Iterator[dict[str, int]]:
    """Give globex other ids of content types than acme's."""
    with use_tenant(globex.as_owner()), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("UPDATE auth_permission SET content_type_id = content_type_id + 9000")
        cursor.execute("UPDATE django_content_type SET id = id + 9000")
    ids = {}
    for tenant in (acme, globex):
        with use_tenant(tenant):
            ContentType.objects.clear_cache()
            ids[tenant.slug] = ContentType.objects.get(app_label="goods", model="goods").pk
    assert ids["globex"] != ids["acme"]
    yield ids
    ContentType.objects.clear_cache()  # the ids are rolled back


def test_a_content_type_is_the_active_tenants(acme: TenantInfo, globex: TenantInfo, other_ids: dict[str, int]) -> None:
    for tenant in (acme, globex, acme):
        with use_tenant(tenant):
            own = ContentType.objects.get_for_model(Goods)
            assert own.pk == other_ids[tenant.slug]
            assert ContentType.objects.get_for_id(own.pk).model == "goods"
            assert ContentType.objects.get_by_natural_key("goods", "goods").pk == own.pk
            other = other_ids["globex" if tenant == acme else "acme"]
            with pytest.raises(ContentType.DoesNotExist):
                ContentType.objects.get_for_id(other)


def test_a_warm_content_type_costs_no_query(acme: TenantInfo, other_ids: dict[str, int]) -> None:
    with use_tenant(acme):
        ContentType.objects.get_for_model(Goods)
        with CaptureQueriesContext(connection) as captured:
            ContentType.objects.get_for_model(Goods)
    assert not captured.captured_queries


def test_rights_hang_on_the_tenants_own_content_types(
    acme: TenantInfo, globex: TenantInfo, other_ids: dict[str, int]
) -> None:
    for tenant in (acme, globex):
        with use_tenant(tenant):
            clerk = User.objects.create(username="clerk")
            clerk.user_permissions.add(
                Permission.objects.get(content_type=ContentType.objects.get_for_model(Goods), codename="view_goods")
            )
            assert User.objects.get(username="clerk").has_perm("goods.view_goods")


def test_a_model_that_is_made_later_brings_back_no_process_wide_cache(
    acme: TenantInfo, globex: TenantInfo, other_ids: dict[str, int]
) -> None:
    """Django creates the managers of all models again whenever a model is registered."""
    apps.clear_cache()
    for tenant in (acme, globex):
        with use_tenant(tenant):
            assert ContentType.objects.get_for_model(Goods).pk == other_ids[tenant.slug]


def drop_cached_content_types() -> None:
    """Leave all managers of content types as in a new process."""
    apps.clear_cache()
    if hasattr(ContentType, "_ids_per_tenant"):
        del ContentType._ids_per_tenant


def test_generic_foreign_key_in_a_new_process_costs_one_query(acme: TenantInfo) -> None:
    """Fault 7: five rows, one question for the content type; what a copy of a manager learns, all of them know."""
    with use_tenant(acme):
        user = User.objects.get()
        drop_cached_content_types()
        with CaptureQueriesContext(connection) as captured:
            for _ in range(5):
                own = GenericForeignKey().get_content_type(obj=user)
        assert len(captured) == 1
        with CaptureQueriesContext(connection) as captured:
            for _ in range(5):
                assert GenericForeignKey().get_content_type(id=own.pk, using="default") == own
                assert ContentType.objects.get_for_model(User) == own
                assert ContentType._default_manager.db_manager("default").get_by_natural_key("auth", "user") == own
    assert not captured.captured_queries


def test_historical_models_remember_content_types_per_tenant_too(
    acme: TenantInfo, globex: TenantInfo, other_ids: dict[str, int]
) -> None:
    """Fault 7: migrations of many tenants share one state, and ask by a copy as well."""
    state = ProjectState.from_apps(apps)
    historical: Any = state.apps.get_model("contenttypes", "ContentType")
    for tenant in (acme, globex, acme):
        with use_tenant(tenant):
            goods = state.apps.get_model("goods", "Goods")
            assert historical.objects.db_manager("default").get_for_model(goods).pk == other_ids[tenant.slug]
            with CaptureQueriesContext(connection) as captured:
                assert historical.objects.db_manager("default").get_for_model(goods).pk == other_ids[tenant.slug]
            assert not captured.captured_queries
