"""A record or queryset of one tenant is refused in another, in any operation."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from django.contrib.admin.utils import NestedObjects
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import serializers
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection, models
from django.db.models import F, Prefetch, prefetch_related_objects
from django.forms import modelform_factory
from django.test.utils import isolate_apps
from django.utils import timezone

from shop.goods.models import Category, Goods, Sku
from tenants import PLATFORM, TenantInfo, WrongTenant, use_tenant
from tenants.registry.lookup import tenant_by_slug

Objects = dict[str, Any]


@pytest.fixture
def acme_objects(acme: TenantInfo, globex: TenantInfo) -> Iterator[Objects]:
    """The same rows with the same numbers in two shops; what is given belongs to acme, and globex is active."""
    for tenant in (globex, acme):
        with use_tenant(tenant):
            category = Category.objects.create(id=900_000_001, name=f"Mugs of {tenant.slug}", slug="mugs")
            goods = Goods.objects.create(id=900_000_002, name=f"Mug of {tenant.slug}", slug="mug", category=category)
            sku = Sku.objects.create(id=900_000_003, goods=goods, price=5, stock=3)
            member = User.objects.create(id=900_000_004, username="member")
            Group.objects.create(id=900_000_005, name="members").user_set.add(member)
    with use_tenant(acme):
        things = {
            "category": Category.objects.get(pk=900_000_001),
            "goods": Goods.objects.get(pk=900_000_002),
            "sku": Sku.objects.get(pk=900_000_003),
            "deferred": Goods.objects.defer("description").get(pk=900_000_002),
            "unsaved": Goods(name="New", slug="new"),
            "lazy": Goods.objects.filter(pk=900_000_002),
            "related": Goods.objects.get(pk=900_000_002).skus,
            "user": User.objects.create(username="ann"),
            "saved": sku,
            "member": member,
            "group": Group.objects.get(pk=900_000_005),
            "sku_rows": Sku.objects.all(),
            "raw": Goods.objects.raw("SELECT * FROM goods_goods"),
            "raw by alias": Goods.objects.raw("SELECT * FROM goods_goods", using="default"),
            "by alias": Goods.objects.using("default"),
            "loaded by alias": Goods.objects.using("default").get(pk=900_000_002),
            "session": Session.objects.create(session_key="key", expire_date=timezone.now()),
            "saved by alias": Goods(name="Saved", slug="saved"),
            "evaluated": Goods.objects.filter(pk=900_000_002),
            "with skus": Goods.objects.prefetch_related("skus").get(pk=900_000_002),
            "subquery": Category.objects.filter(name__contains="acme"),
            "form": modelform_factory(Goods, fields=["name", "slug", "category"]),
        }
        things["saved by alias"].save(using="default")
        assert len(things["evaluated"]) == 1
        things["pickled queryset"] = pickle.dumps(things["lazy"].all())
    with use_tenant(globex):
        yield things


CROSS_TENANT_USES: dict[str, Callable[[Objects], object]] = {
    "save": lambda a: a["goods"].save(),
    "save of what was created": lambda a: a["saved"].save(),
    "save of one field": lambda a: a["sku"].save(update_fields=["price"]),
    "delete": lambda a: a["goods"].delete(),
    "refresh": lambda a: a["goods"].refresh_from_db(),
    "a deferred field": lambda a: a["deferred"].description,
    "a foreign key forwards": lambda a: a["goods"].category,
    "a foreign key backwards": lambda a: list(a["goods"].skus.all()),
    "a related manager that was kept": lambda a: a["related"].count(),
    "creating through a relation": lambda a: a["goods"].skus.create(price=1),
    "adding through a relation": lambda a: a["goods"].skus.add(a["sku"]),
    "many-to-many": lambda a: a["user"].groups.add(Group.objects.create(name="g")),
    "assigning theirs to ours": lambda a: setattr(Goods.objects.get(pk=900_000_002), "category", a["category"]),
    "assigning ours to theirs": lambda a: setattr(a["goods"], "category", Category.objects.get(pk=900_000_001)),
    "evaluating": lambda a: list(a["lazy"]),
    "counting": lambda a: a["lazy"].count(),
    "updating": lambda a: a["lazy"].update(name="x"),
    "updating by F": lambda a: a["lazy"].update(name=F("slug")),
    "deleting many": lambda a: a["lazy"].delete(),
    "narrowing and evaluating": lambda a: a["lazy"].filter(name="x").first(),
    "locking": lambda a: list(a["lazy"].select_for_update()),
    "iterating": lambda a: list(a["lazy"].iterator()),
    "values": lambda a: list(a["lazy"].values("name")),
    "prefetching": lambda a: prefetch_related_objects([a["goods"]], "skus"),
    "prefetching their queryset": lambda a: list(Goods.objects.prefetch_related(Prefetch("skus", a["sku_rows"]))),
    "a pickled instance": lambda a: pickle.loads(pickle.dumps(a["goods"])).save(),
    "a copied instance": lambda a: copy.deepcopy(a["goods"]).save(),
    "a shallow copy": lambda a: copy.copy(a["goods"]).save(),
    "a copied queryset": lambda a: list(copy.deepcopy(a["lazy"])),
    "a pickled queryset": lambda a: list(pickle.loads(a["pickled queryset"])),
    "more of a pickled queryset": lambda a: pickle.loads(a["pickled queryset"]).count(),
    "rows in memory": lambda a: list(a["evaluated"]),
    "a row in memory": lambda a: a["evaluated"][0],
    "the number of rows in memory": lambda a: len(a["evaluated"]),
    "rows in memory through a relation": lambda a: list(a["with skus"].skus.all()),
    "raw SQL": lambda a: list(a["raw"]),
    "raw SQL by alias": lambda a: list(a["raw by alias"]),
    "by their numbers": lambda a: a["lazy"].in_bulk([900_000_002]),
    "looking one up": lambda a: Goods.objects.contains(a["goods"]),
    "filtering by theirs": lambda a: list(Goods.objects.filter(category=a["category"])),
    "filtering by some of theirs": lambda a: list(Goods.objects.filter(category__in=[a["category"]])),
    "filtering by their queryset": lambda a: list(Goods.objects.filter(category__in=a["subquery"])),
    "uniting with their queryset": lambda a: list(Goods.objects.union(a["lazy"])),
    "either ours or theirs": lambda a: list(Goods.objects.all() | a["lazy"]),
    "updating through a relation": lambda a: a["goods"].skus.update(price=1),
    "deleting through a relation": lambda a: a["goods"].skus.all().delete(),
    "making with theirs": lambda a: Goods(name="x", slug="x", category=a["category"]),
    "setting theirs on ours": lambda a: Goods.objects.get(pk=900_000_002).skus.set([a["sku"]]),
    "many-to-many of ours": lambda a: User.objects.create(username="bob").groups.add(a["group"]),
    "taking theirs out of our category": lambda a: Category.objects.get(pk=900_000_001).goods.remove(a["goods"]),
    "taking theirs out of ours": lambda a: Group.objects.get(pk=900_000_005).user_set.remove(a["member"]),
    "setting theirs instead of ours": lambda a: Group.objects.get(pk=900_000_005).user_set.set([a["member"]]),
    "prefetching ours and theirs": lambda a: prefetch_related_objects(
        [Goods.objects.get(pk=900_000_002), a["goods"]], "skus"
    ),
    "a form that saves": lambda a: a["form"]({"name": "x", "slug": "x"}, instance=a["goods"]).save(),
    "a form that validates": lambda a: a["form"]({"name": "x", "slug": "x"}, instance=a["goods"]).is_valid(),
    "full validation": lambda a: a["goods"].full_clean(),
    "the next one": lambda a: a["goods"].get_next_by_created_at(),
    "what the admin would delete": lambda a: NestedObjects(using="default").collect([a["goods"]]),
    "save by alias": lambda a: a["goods"].save(using="default"),
    "delete by alias": lambda a: a["goods"].delete(using="default"),
    "delete by alias of what nothing relates to": lambda a: a["session"].delete("default"),
    "refresh by alias": lambda a: a["goods"].refresh_from_db(using="default"),
    "a relation by alias": lambda a: list(a["goods"].skus.using("default")),
    "a queryset by alias": lambda a: list(a["by alias"]),
    "a queryset of theirs by alias": lambda a: list(a["lazy"].using("default")),
    "what was loaded by alias": lambda a: a["loaded by alias"].save(),
    "what was saved by alias": lambda a: a["saved by alias"].save(),
    "what was loaded by alias, by alias": lambda a: a["loaded by alias"].save(using="default"),
    "bulk creation by alias": lambda a: Goods.objects.using("default").bulk_create([a["goods"]]),
    "loading a fixture": lambda a: save_deserialized(a["goods"]),
    "from a cache that all tenants share": lambda a: through_a_shared_cache(a["goods"]).save(),
    "bulk creation": lambda a: Goods.objects.bulk_create([a["goods"]]),
    "bulk update": lambda a: Goods.objects.bulk_update([a["goods"]], ["name"]),
}


def save_deserialized(instance: models.Model) -> None:
    """Save as `loaddata` does, which names the alias and calls no `save()`."""
    serializers.base.DeserializedObject(instance).save(using="default")


def through_a_shared_cache(instance: Any) -> Any:
    """Return what comes out of a cache without our key function, which all tenants share."""
    cache = LocMemCache("shared", {})
    cache.set("goods", instance)
    return cache.get("goods")


@pytest.mark.parametrize("use", CROSS_TENANT_USES)
def test_a_record_of_another_tenant_is_refused(acme_objects: Objects, acme: TenantInfo, use: str) -> None:
    with pytest.raises(WrongTenant, match=acme.schema):
        CROSS_TENANT_USES[use](acme_objects)
    assert Sku.objects.get(pk=900_000_003).price == 5
    assert Group.objects.get(pk=900_000_005).user_set.exists()
    assert Goods.objects.get(pk=900_000_002).name == "Mug of globex"
    assert Category.objects.get(pk=900_000_001).name == "Mugs of globex"


# In their own tenant these fail too, each for another reason.
NEVER = {"bulk creation", "bulk creation by alias", "the next one", "creating through a relation"}


@pytest.mark.parametrize("use", sorted(CROSS_TENANT_USES.keys() - NEVER))
def test_at_home_the_same_is_fine(acme_objects: Objects, acme: TenantInfo, use: str) -> None:
    """The control: it is the tenant that makes the difference, not the use."""
    with use_tenant(acme):
        CROSS_TENANT_USES[use](acme_objects)


def test_records_of_two_tenants_are_never_equal(acme_objects: Objects) -> None:
    ours = Goods.objects.get(pk=900_000_002)
    assert ours != acme_objects["goods"]
    assert len({ours, acme_objects["goods"]}) == 2
    assert ours == Goods.objects.get(pk=900_000_002)
    assert acme_objects["goods"] not in list(Goods.objects.all())


def test_unsaved_record_belongs_to_no_tenant(acme_objects: Objects, globex: TenantInfo) -> None:
    acme_objects["unsaved"].save()
    assert Goods.objects.get(slug="new").name == "New"


def test_queryset_created_without_a_tenant_works_in_all(acme: TenantInfo, globex: TenantInfo) -> None:
    everybody = User.objects.order_by("id")
    for tenant in (acme, globex):
        with use_tenant(tenant):
            assert [user.email for user in everybody.all()] == [f"owner@{tenant.slug}.example"]


def test_the_platform_is_another_tenant_too(acme_objects: Objects, platform: TenantInfo) -> None:
    with use_tenant(PLATFORM), pytest.raises(WrongTenant):
        acme_objects["user"].save()


def test_listing_takes_no_more_queries_and_carries_no_more_data(acme_objects: Objects) -> None:
    row = Goods.objects.get(pk=900_000_002)
    assert set(vars(row._state)) <= {"db", "adding", "fields_cache", "fetch_mode"}  # the last is Django 6.1's
    assert row._state.db == "default"
    assert connection.alias == row._state.db


def test_a_connection_that_a_routed_query_makes_is_everybodys(committed: None) -> None:
    made: list[str] = []

    def first_query_of_a_thread() -> None:
        with use_tenant(PLATFORM):
            User.objects.count()
        made.append(connection.alias)
        connection.close()

    thread = Thread(target=first_query_of_a_thread)
    thread.start()
    thread.join()
    assert [(alias, type(alias)) for alias in made] == [("default", str)]


# --- Rows in memory of querysets that all tenants share


def test_shared_queryset_does_not_show_rows_of_another_tenant(acme: TenantInfo, globex: TenantInfo) -> None:
    """Evaluated without `.all()`, as one at the top of a module is by mistake, it keeps the first tenant's rows."""
    everybody = User.objects.order_by("id")
    with use_tenant(acme):
        assert [user.email for user in everybody] == ["owner@acme.example"]
    with use_tenant(globex):
        for look in (list, len, bool, lambda rows: rows[0], lambda rows: rows.count(), lambda rows: rows.exists()):
            with pytest.raises(WrongTenant, match=acme.schema):
                look(everybody)
        assert [user.email for user in everybody.all()] == ["owner@globex.example"]
    assert [user.email for user in everybody] == ["owner@acme.example"], "without a tenant, rows in memory are readable"


def test_one_queryset_in_two_threads_shows_each_tenant_its_own(committed: None) -> None:
    everybody = User.objects.order_by("id")
    shops = [tenant_by_slug(slug) for slug in ("acme", "globex")]
    wrong: list[str] = []

    def read(tenant: TenantInfo) -> None:
        with use_tenant(tenant):
            for _ in range(50):
                try:
                    wrong.extend(user.email for user in everybody if user.email != f"owner@{tenant.slug}.example")
                except WrongTenant:
                    continue
        connection.close()

    threads = [Thread(target=read, args=[tenant]) for tenant in shops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- Generic relations


@pytest.fixture
def notes(acme_objects: Objects, acme: TenantInfo, globex: TenantInfo) -> Iterator[Objects]:
    """Two models with generic relations, with tables and the same rows in both shops."""
    with isolate_apps("shop.goods"):

        class Note(models.Model):
            content_type = models.ForeignKey(ContentType, models.CASCADE)
            object_id = models.BigIntegerField()
            about = GenericForeignKey()

            class Meta:
                app_label = "goods"

            def __str__(self) -> str:
                return ""

        class Shelf(models.Model):
            notes = GenericRelation(Note)

            class Meta:
                app_label = "goods"

            def __str__(self) -> str:
                return ""

        for tenant in (globex.as_owner(), acme.as_owner()):
            with use_tenant(tenant):
                with connection.schema_editor() as editor:
                    editor.create_model(Note)
                    editor.create_model(Shelf)
                shelf = Shelf.objects.create(pk=1)
                note = Note.objects.create(pk=2, about=Goods.objects.get(pk=900_000_002))
                note_of_shelf = Note.objects.create(
                    pk=3, object_id=1, content_type=ContentType.objects.get_for_model(Goods)
                )
        with use_tenant(acme.as_owner()):
            things = {"Note": Note, "Shelf": Shelf, "shelf": shelf, "note": Note.objects.get(pk=2), "kept": note,
                      "of shelf": note_of_shelf, "goods": acme_objects["goods"]}  # fmt: skip
        with use_tenant(globex.as_owner()):
            yield things


GENERIC: dict[str, Callable[[Objects], object]] = {
    "forwards": lambda a: a["note"].about,
    "forwards, in memory": lambda a: a["kept"].about,
    "assigning theirs to ours": lambda a: setattr(a["Note"].objects.get(pk=2), "about", a["goods"]),
    "assigning ours to theirs": lambda a: setattr(a["note"], "about", Goods.objects.get(pk=900_000_002)),
    "making with theirs": lambda a: a["Note"](about=a["goods"]),
    "prefetching forwards": lambda a: prefetch_related_objects([a["note"]], "about"),
    "backwards": lambda a: list(a["shelf"].notes.all()),
    "adding theirs to ours": lambda a: a["Shelf"].objects.get(pk=1).notes.add(a["note"]),
    "adding ours to theirs": lambda a: a["shelf"].notes.add(a["Note"].objects.get(pk=2)),
    "removing theirs from ours": lambda a: a["Shelf"].objects.get(pk=1).notes.remove(a["of shelf"]),
    "setting theirs on ours": lambda a: a["Shelf"].objects.get(pk=1).notes.set([a["of shelf"]]),
    "creating at theirs": lambda a: a["shelf"].notes.create(),
    "clearing theirs": lambda a: a["shelf"].notes.clear(),
}


@pytest.mark.parametrize("use", GENERIC)
def test_a_generic_relation_to_another_tenant_is_refused(notes: Objects, acme: TenantInfo, use: str) -> None:
    with pytest.raises(WrongTenant, match=acme.schema):
        GENERIC[use](notes)
    assert notes["Note"].objects.count() == 2


def test_generic_relations_at_home_are_fine(notes: Objects, acme: TenantInfo) -> None:
    with use_tenant(acme.as_owner()):
        for use in ("forwards", "forwards, in memory", "prefetching forwards", "backwards", "adding theirs to ours"):
            GENERIC[use](notes)
        assert notes["shelf"].notes.count() == 1
