"""Records read or written through another alias of our engine, or past another router, know their tenant."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.db import connection, connections, models, router
from django.db.models import Prefetch
from django.db.models.query import RawQuerySet
from django.test import override_settings

from tenants import PLATFORM, TenantInfo, WrongSchema, WrongTenant, use_tenant
from tenants.isolation.instances import tenant_schema_of
from tenants.models import Tenant
from tenants.registry.lookup import tenant_by_slug

RAW = "SELECT * FROM auth_user"


@pytest.fixture
def replica(committed: None) -> Iterator[str]:
    """Another alias of the same database, with a separate connection."""
    settings = {**connection.settings_dict, "OPTIONS": {**connection.settings_dict["OPTIONS"]}}
    settings["OPTIONS"].pop("pool", None)
    connections.settings["replica"] = settings  # type: ignore[index]
    yield "replica"
    connections["replica"].close()
    del connections["replica"]
    del connections.settings["replica"]  # type: ignore[attr-defined]


@pytest.fixture
def warehouse() -> Iterator[str]:
    """A database of another engine, which has no tenants."""
    settings = {**connections.settings["default"], "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    connections.settings["warehouse"] = {**settings, "OPTIONS": {}}  # type: ignore[index]
    yield "warehouse"
    connections["warehouse"].close()
    del connections["warehouse"]
    del connections.settings["warehouse"]  # type: ignore[attr-defined]


@pytest.fixture
def acme(replica: str) -> TenantInfo:
    return tenant_by_slug("acme")


@pytest.fixture
def globex(replica: str) -> TenantInfo:
    return tenant_by_slug("globex")


READ: dict[str, Callable[[], Any]] = {
    "using": lambda: User.objects.using("replica").get(),
    "db_manager": lambda: User.objects.db_manager("replica").get(),
    "db_manager and using": lambda: User.objects.db_manager("replica").using("replica").first(),
    "raw": lambda: User.objects.using("replica").raw(RAW)[0],
    "raw of a manager": lambda: User.objects.db_manager("replica").raw(RAW)[0],
    "raw and using": lambda: User.objects.raw(RAW).using("replica")[0],
    "raw by alias": lambda: next(iter(User.objects.raw(RAW, using="replica"))),
    "iterator": lambda: next(iter(User.objects.using("replica").iterator())),
    "in_bulk": lambda: next(iter(User.objects.using("replica").in_bulk().values())),
    "refresh": lambda: refreshed(User.objects.get()),
    "select_related": lambda: with_type().select_related("content_type").first().content_type,
    "prefetched": lambda: with_type().prefetch_related("content_type").first().content_type,
    "prefetched by a queryset": lambda: (
        with_type()
        .prefetch_related(Prefetch("content_type", ContentType.objects.using("replica")))
        .first()
        .content_type
    ),
    "from a pickle": lambda: pickle.loads(pickle.dumps(User.objects.using("replica").get())),
    "of the instance's own alias": lambda: User.objects.using(User.objects.using("replica").get()._state.db).get(),
    "create": lambda: created(lambda name: Group.objects.using("replica").create(name=name)),
    "get_or_create": lambda: created(lambda name: Group.objects.using("replica").get_or_create(name=name)[0]),
    "bulk_create": lambda: created(lambda name: Group.objects.using("replica").bulk_create([Group(name=name)])[0]),
    "save": lambda: created(lambda name: saved(Group(name=name), using="replica")),
    "save_base by place": lambda: created(lambda name: saved_by_place(Group(name=name))),
    "loaded as a fixture": lambda: created(lambda name: deserialized(Group(name=name))),
}


def refreshed(user: User) -> User:
    user.refresh_from_db(using="replica")
    return user


def with_type() -> Any:
    return Permission.objects.using("replica")


def created(make: Callable[[str], Group]) -> Group:
    group = make("of the replica")
    Group.objects.filter(name=group.name).delete()
    return group


def saved(row: Any, **options: Any) -> Any:
    row.save(**options)
    return row


def saved_by_place(row: Any) -> Any:
    row.save_base(False, False, False, "replica")
    return row


def deserialized(row: Any) -> Any:
    serializers.base.DeserializedObject(row).save(using="replica")
    return row


USE: dict[str, Callable[[Any], object]] = {
    "save": lambda row: row.save(),
    "save by alias": lambda row: row.save(using="replica"),
    "save by another alias": lambda row: row.save(using="default"),
    "delete": lambda row: row.delete(),
    "delete by alias": lambda row: row.delete(using="replica"),
    "refresh": lambda row: row.refresh_from_db(),
    "refresh by alias": lambda row: row.refresh_from_db(using="replica"),
    "looking it up": lambda row: type(row).objects.using("replica").contains(row),
    "bulk update": lambda row: type(row).objects.using("replica").bulk_update([row], [row._meta.fields[1].name]),
}


@pytest.mark.parametrize("use", USE)
@pytest.mark.parametrize("read", READ)
def test_a_record_of_another_alias_is_refused_in_another_tenant(
    acme: TenantInfo, globex: TenantInfo, read: str, use: str
) -> None:
    """Fault 3: P4 holds for every alias whose engine is ours, however the record was read."""
    with use_tenant(acme):
        row = READ[read]()
    assert tenant_schema_of(row) == acme.schema
    with use_tenant(globex), pytest.raises(WrongTenant, match=acme.schema):
        USE[use](row)


def test_querysets_of_another_alias_keep_their_tenant(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        lazy = User.objects.using("replica").all()
        raw = User.objects.db_manager("replica").raw(RAW)
        rows = User.objects.using("replica").all()
        assert len(rows) == 1
    for look in (lambda: list(lazy), lambda: list(raw), lambda: list(rows), lambda: rows._result_cache[0]):
        with use_tenant(globex), pytest.raises(WrongTenant):
            look()


def test_records_of_two_aliases_are_equal_in_one_tenant_alone(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        here, there = User.objects.get(), User.objects.using("replica").get()
        assert here == there
    with use_tenant(globex):
        other = User.objects.using("replica").get()
    other.pk = here.pk
    assert other != here


def test_a_database_of_another_engine_has_no_tenants(acme: TenantInfo, globex: TenantInfo, warehouse: str) -> None:
    """The control: what is there belongs to none."""
    for tenant in (acme, globex):
        with use_tenant(tenant):
            assert User.objects.using(warehouse).db == warehouse
            assert tenant_schema_of(from_warehouse(warehouse)) is None


def from_warehouse(warehouse: str) -> User:
    return User.from_db(User.objects.using(warehouse).db, [], [])


# --- Routers of a project's


class Replicas:
    """As Django's documentation has it: without hints that it does not use."""

    def db_for_read(self, model: type[models.Model], instance: Any = None) -> str:
        return "replica"

    def db_for_write(self, model: type[models.Model], instance: Any = None) -> str:
        return "default"

    def allow_relation(self, obj1: models.Model, obj2: models.Model) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, model: Any = None) -> bool:
        return True


@pytest.fixture
def replicas(replica: str) -> Iterator[None]:
    with override_settings(DATABASE_ROUTERS=[Replicas(), "tenants.isolation.router.TenantRouter"]):
        yield


def test_a_router_without_hints_meets_none_of_ours(acme: TenantInfo, replicas: None) -> None:
    """Fault 10: nothing is handed to the routers of users but Django's own hints."""
    with use_tenant(acme):
        user = User.objects.get()
        assert list(user.groups.all()) == []
        assert user._state.db == "replica"
        user.save(update_fields=["email"])
        assert user._state.db == "default"


def test_what_a_router_of_a_project_reads_belongs_to_its_tenant(
    acme: TenantInfo, globex: TenantInfo, replicas: None
) -> None:
    """Fault 3: the alias is then the project's, and the record the tenant's."""
    with use_tenant(acme):
        user, group = User.objects.get(), Group(name="of acme", pk=1)
        permission = Permission(name="new", content_type=Permission.objects.first().content_type)  # type: ignore[union-attr]
    assert tenant_schema_of(user) == tenant_schema_of(permission) == acme.schema
    with use_tenant(globex):
        for use in (user.save, user.delete, user.refresh_from_db, permission.save, lambda: list(user.groups.all())):
            with pytest.raises(WrongTenant):
                use()
        with pytest.raises(WrongTenant):
            router.allow_relation(user, group)


def test_a_router_of_a_project_opens_no_side_that_is_closed(acme: TenantInfo, replicas: None) -> None:
    with use_tenant(acme):
        with pytest.raises(WrongSchema):
            Tenant.objects.count()
        assert not router.allow_migrate("default", "tenants")
        assert router.allow_migrate("default", "auth")
    with use_tenant(PLATFORM):
        assert router.allow_migrate("default", "tenants")


def test_raw_sql_without_a_model_has_a_representation(acme: TenantInfo) -> None:
    """Fault 10: the router is asked for no model then."""
    with use_tenant(acme):
        raw: Any = RawQuerySet("SELECT 1", model=None)
        assert "SELECT 1" in repr(raw)
        assert raw.db == "default"
