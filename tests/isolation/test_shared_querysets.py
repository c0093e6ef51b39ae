"""Querysets that all tenants share, and their rows in memory, by any attribute."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from operator import add
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, models
from django.db.models import Prefetch

from tenants import TenantInfo, WrongTenant, use_tenant
from tenants.isolation.patches.result_cache import TenantRows
from tenants.registry.lookup import tenant_by_slug

READINGS: dict[str, Callable[[Any], object]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "len": len,
    "bool": bool,
    "repr": repr,
    "iter": lambda rows: next(iter(rows)),
    "item": lambda rows: rows[0],
    "slice": lambda rows: rows[:],
    "reversed": lambda rows: list(reversed(rows)),
    "in": lambda rows: object() in rows,
    "star": lambda rows: [*rows],
    "to unpack": lambda rows: print(*rows),
    "plus": lambda rows: add(rows, []),
    "plus from the right": lambda rows: add([], rows),
    "extend": lambda rows: [].extend(rows),
    "in place": lambda rows: rows.__iadd__([]),
    "times": lambda rows: rows * 2,
    "times from the left": lambda rows: 2 * rows,
    "copy": lambda rows: rows.copy(),
    "copy.copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
    "equal": lambda rows: rows == [],
    "not equal": lambda rows: rows != [],
    "less": lambda rows: rows < [],
    "sorted": lambda rows: sorted(rows, key=id),
    "sort": lambda rows: rows.sort(key=id),
    "pop": lambda rows: rows.pop(),
    "index": lambda rows: rows.index(1),
    "count": lambda rows: rows.count(1),
    "zip": lambda rows: list(zip(rows, rows, strict=True)),
    "delete": lambda rows: rows.__delitem__(0),
    "set an item": lambda rows: rows.__setitem__(0, None),
    "clear": lambda rows: rows.clear(),
}


def rows_of(tenant: TenantInfo, kind: str) -> Any:
    """Return `_result_cache` of a queryset that was evaluated, or prefetched, in `tenant`."""
    with use_tenant(tenant):
        if kind == "evaluated":
            evaluated: Any = User.objects.all()
            list(evaluated)
            return evaluated._result_cache
        if kind == "raw":
            raw: Any = User.objects.raw("SELECT * FROM auth_user")
            list(raw)
            return raw
        Group.objects.get_or_create(name="owners")[0].user_set.set(User.objects.all())
        lookup: Any = "groups" if kind == "prefetched" else Prefetch("groups", Group.objects.order_by("name"))
        user = User.objects.prefetch_related(lookup).get()
        prefetched: Any = user.groups.all()
        return prefetched._result_cache


@pytest.mark.parametrize("kind", ["evaluated", "prefetched", "prefetched by a queryset"])
@pytest.mark.parametrize("reading", READINGS)
def test_rows_read_by_name_in_another_tenant_are_refused(
    acme: TenantInfo, globex: TenantInfo, kind: str, reading: str
) -> None:
    """`_result_cache` itself, which other people's code reads, is bound to its tenant as the queryset is."""
    rows = rows_of(acme, kind)
    assert type(rows) is TenantRows
    with use_tenant(globex), pytest.raises(WrongTenant, match=acme.schema):
        READINGS[reading](rows)
    with use_tenant(acme):
        assert len(rows) == 1


def test_rows_in_memory_behave_as_a_list_at_home(acme: TenantInfo) -> None:
    rows = rows_of(acme, "prefetched")
    with use_tenant(acme):
        (group,) = rows
        assert rows == [group]
        assert add([], rows) == add(rows, []) == rows[:] == rows.copy() == copy.copy(rows) == [group]
        unpickled = pickle.loads(pickle.dumps(rows))
        assert unpickled == rows
        assert unpickled.schema == acme.schema


def test_every_reading_method_of_a_list_is_checked() -> None:
    """A method that a newer Python adds is among them."""
    filling = {"append", "extend", "__init__", "__new__"}
    harmless = {"__getattribute__", "__class_getitem__", "__sizeof__", "__hash__", "__doc__"}
    unchecked = {name for name in vars(list) if getattr(TenantRows, name) is getattr(list, name)}
    assert unchecked <= filling | harmless


def test_hints_of_a_clone_are_not_those_of_a_shared_queryset(acme: TenantInfo, globex: TenantInfo) -> None:
    """A prefetch gives an instance as a hint; the shared queryset that it was derived from is used by all."""
    shared = Permission.objects.order_by("id")
    for tenant in (acme, globex):
        with use_tenant(tenant):
            group = Group.objects.create(name="with rights")
            group.permissions.set(Permission.objects.all()[:2])
            narrowed = Prefetch("permissions", shared.filter(codename__startswith="add"))
            list(Group.objects.prefetch_related(narrowed, Prefetch("permissions", shared, to_attr="all_of_them")))
            assert shared._hints == {}  # type: ignore[attr-defined]
            assert shared.exists()


def test_a_shared_prefetch_holds_no_instance(acme: TenantInfo) -> None:
    shared = Prefetch("groups", Group.objects.order_by("name"))
    with use_tenant(acme):
        user = User.objects.prefetch_related(shared).get()
        gone = weakref.ref(user)
        del user
        gc.collect()
        assert gone() is None
        assert shared.queryset._hints == {}  # type: ignore[attr-defined]


def test_one_prefetch_in_two_threads_serves_each_tenant(committed: None) -> None:
    """As in a class-based view: `queryset = Model.objects.prefetch_related(Prefetch(…))`."""
    shared = User.objects.prefetch_related(Prefetch("groups", Group.objects.order_by("name")))
    errors: list[BaseException] = []
    begin = Barrier(2)

    def read(tenant: TenantInfo) -> None:
        begin.wait()
        with use_tenant(tenant):
            try:
                for _ in range(100):
                    for user in shared.all():
                        assert user.email == f"owner@{tenant.slug}.example"
                        list(user.groups.filter(name="x"))
            except BaseException as error:
                errors.append(error)
        connection.close()

    threads = [Thread(target=read, args=[tenant_by_slug(slug)]) for slug in ("acme", "globex")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_hints_survive_copies_and_pickles_with_their_schema(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        queryset: Any = User.objects.get().groups.all()
        copies = [copy.copy(queryset), copy.deepcopy(queryset), pickle.loads(pickle.dumps(queryset.all()))]
    for each in copies:
        with use_tenant(globex), pytest.raises(WrongTenant):
            list(each)
        assert each._hints.schema == acme.schema


def test_a_users_own_hints_reach_routers_as_they_are(acme: TenantInfo) -> None:
    with use_tenant(acme):
        manager = User.objects.db_manager(hints={"region": "kr"})
        queryset: Any = manager.filter(pk=1).order_by("id")
        assert dict(queryset._hints) == {"region": "kr"}
        assert manager._hints == {"region": "kr"}


class Counted(models.QuerySet[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.made_with = (args, kwargs)
        super().__init__(*args, **kwargs)


def test_a_queryset_class_with_its_own_init_is_guarded(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        queryset = Counted(User).filter(pk__gt=0)
        assert len(queryset) == 1
    with use_tenant(globex), pytest.raises(WrongTenant):
        queryset.count()
