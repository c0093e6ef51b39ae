"""Models are read, written, related and migrated only where their tables are."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import DatabaseError, ProgrammingError, connection, router, transaction

from shop.goods.models import Category, Goods
from shop.orders.models import Order
from tenants import PLATFORM, NoActiveTenant, TenantInfo, WrongSchema, use_tenant
from tenants.isolation.app_placement import Placement, app_labels_for, is_installed_for, placement_of
from tenants.isolation.router import TenantRouter
from tenants.models import Domain, Tenant
from tenants.postgresql import tenant_schemas as schemas

SHARED, TENANTS_OWN, COMMON = [Tenant, Domain], [Goods, Category, Order], [User, Group, ContentType, Session]


@pytest.mark.parametrize("model", SHARED + TENANTS_OWN + COMMON)
def test_without_a_tenant_no_model_is_reached(db: None, model: Any) -> None:
    for act in (router.db_for_read, router.db_for_write):
        with pytest.raises(NoActiveTenant, match=model._meta.label):
            act(model)
    with pytest.raises(NoActiveTenant):
        model.objects.exists()


@pytest.mark.parametrize("model", TENANTS_OWN)
def test_the_shops_models_are_not_the_platforms(db: None, model: Any) -> None:
    with use_tenant(PLATFORM):
        with pytest.raises(WrongSchema, match=rf"{model._meta.label} lives in the tenants' schemas.*the platform"):
            model.objects.exists()
        with pytest.raises(WrongSchema):
            model().save()


@pytest.mark.parametrize("model", SHARED)
def test_the_platforms_models_are_no_shops(acme: TenantInfo, model: Any) -> None:
    with use_tenant(acme):
        with pytest.raises(WrongSchema, match=rf"{model._meta.label} lives in the control plane.*acme"):
            model.objects.exists()
        with pytest.raises(WrongSchema):
            model().save()


def test_what_belongs_to_both_has_rows_of_its_own_in_each(acme: TenantInfo, globex: TenantInfo) -> None:
    for place in (acme, globex, PLATFORM):
        with use_tenant(place):
            Group.objects.create(name="the same name")
            assert Group.objects.filter(name="the same name").count() == 1
    with use_tenant(acme):
        Group.objects.filter(name="the same name").delete()
    with use_tenant(globex):
        assert Group.objects.filter(name="the same name").exists()


def test_the_tables_are_where_the_router_says_and_nowhere_else(acme: TenantInfo) -> None:
    # Some of Django OAuth Toolkit's models only stand where it wants one; they have no table.
    models = [one._meta for one in apps.get_models(include_auto_created=True)]
    tables = {one.db_table: one.app_label for one in models if one.managed or one.app_label != "oauth"}
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        for place in (acme, PLATFORM):
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [place.schema])
            found = {name for (name,) in cursor.fetchall()} - {"django_migrations"}
            assert found == {table for table, label in tables.items() if is_installed_for(label, place)}


def test_rows_are_related_on_one_side_alone(acme: TenantInfo) -> None:
    rules = TenantRouter()
    assert not rules.allow_relation(User(), Group())
    with use_tenant(acme):
        assert rules.allow_relation(User(), Goods())
        assert not rules.allow_relation(Goods(), Tenant())
    with use_tenant(PLATFORM):
        assert rules.allow_relation(User(), Tenant())
        assert not rules.allow_relation(User(), Goods())


@pytest.mark.parametrize(
    ("app", "in_tenant", "on_platform"),
    [("goods", True, False), ("tenants", False, True), ("auth", True, True), ("nobodys", False, False)],
)
def test_an_app_is_migrated_where_its_tables_belong(
    acme: TenantInfo, app: str, in_tenant: bool, on_platform: bool
) -> None:
    assert not router.allow_migrate("default", app)
    with use_tenant(acme):
        assert router.allow_migrate("default", app) is in_tenant
        assert not TenantRouter().allow_migrate("other", app)
    with use_tenant(PLATFORM):
        assert router.allow_migrate("default", app) is on_platform


def test_every_app_with_tables_has_a_side() -> None:
    for config in apps.get_app_configs():
        if list(config.get_models()):
            assert placement_of(config.label) is not Placement.UNKNOWN
    assert "goods" not in app_labels_for(PLATFORM)
    assert "tenants" in app_labels_for(PLATFORM)


# --- Missing tables are an error, never another tenant's


def test_a_missing_table_is_an_error_though_the_platform_has_it(acme: TenantInfo) -> None:
    with use_tenant(acme.as_owner()), connection.cursor() as cursor:
        cursor.execute("DROP TABLE auth_user CASCADE")
    with use_tenant(acme), pytest.raises(ProgrammingError, match="auth_user"), transaction.atomic():
        User.objects.count()
    with use_tenant(PLATFORM):
        assert not User.objects.exists()


def test_a_missing_schema_is_an_error(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        schemas.drop_schema(acme)
    for tenant in (acme, acme.as_owner()):
        with use_tenant(tenant), pytest.raises(DatabaseError), transaction.atomic():
            User.objects.count()
