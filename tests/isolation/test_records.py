"""A record or queryset of one tenant is refused in another, whatever is done with it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import F, Prefetch, prefetch_related_objects

from shop.goods.models import Category, Goods, Sku
from tenants import PLATFORM, TenantInfo, WrongTenant, use_tenant

Things = dict[str, Any]


@pytest.fixture
def of_acme(acme: TenantInfo, globex: TenantInfo) -> Iterator[Things]:
    """The same rows with the same numbers in two shops; what is given belongs to acme, and globex is active."""
    for tenant in (globex, acme):
        with use_tenant(tenant):
            category = Category.objects.create(id=901, name=f"Mugs of {tenant.slug}", slug="mugs")
            goods = Goods.objects.create(id=902, name=f"Mug of {tenant.slug}", slug="mug", category=category)
            sku = Sku.objects.create(id=903, goods=goods, price=5, stock=3)
    with use_tenant(acme):
        things = {
            "category": Category.objects.get(pk=901),
            "goods": Goods.objects.get(pk=902),
            "sku": Sku.objects.get(pk=903),
            "deferred": Goods.objects.defer("description").get(pk=902),
            "unsaved": Goods(name="New", slug="new"),
            "lazy": Goods.objects.filter(pk=902),
            "related": Goods.objects.get(pk=902).skus,
            "user": User.objects.create(username="ann"),
            "saved": sku,
        }
    with use_tenant(globex):
        yield things


DEEDS: dict[str, Callable[[Things], object]] = {
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
    "assigning theirs to ours": lambda a: setattr(Goods.objects.get(pk=902), "category", a["category"]),
    "assigning ours to theirs": lambda a: setattr(a["goods"], "category", Category.objects.get(pk=901)),
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
    "bulk creation": lambda a: Goods.objects.bulk_create([a["goods"]]),
    "bulk update": lambda a: Goods.objects.bulk_update([a["goods"]], ["name"]),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_record_of_another_tenant_is_refused(of_acme: Things, acme: TenantInfo, deed: str) -> None:
    with use_tenant(acme):
        of_acme["sku_rows"] = Sku.objects.all()
    with pytest.raises(WrongTenant, match=acme.schema):
        DEEDS[deed](of_acme)
    assert Goods.objects.get(pk=902).name == "Mug of globex"
    assert Category.objects.get(pk=901).name == "Mugs of globex"


def test_at_home_the_same_is_fine(of_acme: Things, acme: TenantInfo) -> None:
    with use_tenant(acme):
        of_acme["sku_rows"] = Sku.objects.all()
        for deed in ("save", "refresh", "a foreign key forwards", "evaluating", "prefetching", "a pickled instance"):
            DEEDS[deed](of_acme)


def test_records_of_two_tenants_are_never_equal(of_acme: Things) -> None:
    ours = Goods.objects.get(pk=902)
    assert ours != of_acme["goods"]
    assert len({ours, of_acme["goods"]}) == 2
    assert ours == Goods.objects.get(pk=902)
    assert of_acme["goods"] not in list(Goods.objects.all())


def test_what_was_never_saved_belongs_to_nobody(of_acme: Things, globex: TenantInfo) -> None:
    of_acme["unsaved"].save()
    assert Goods.objects.get(slug="new").name == "New"


def test_a_queryset_made_while_nobody_is_active_is_everybodys(acme: TenantInfo, globex: TenantInfo) -> None:
    everybody = User.objects.order_by("id")
    for tenant in (acme, globex):
        with use_tenant(tenant):
            assert [user.email for user in everybody.all()] == [f"owner@{tenant.slug}.example"]


def test_the_platform_is_another_tenant_too(of_acme: Things, platform: TenantInfo) -> None:
    with use_tenant(PLATFORM), pytest.raises(WrongTenant):
        of_acme["user"].save()


def test_listing_takes_no_more_queries_and_carries_no_more_data(of_acme: Things) -> None:
    row = Goods.objects.get(pk=902)
    assert set(vars(row._state)) <= {"db", "adding", "fields_cache"}
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
