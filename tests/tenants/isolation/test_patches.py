"""What of Django's, psycopg's and Python's own is replaced: each name is there, is ours once, and is as we know it.

A test here that fails after an upgrade says which place of theirs has changed and has to be looked at again.
"""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.local import Local
from django import VERSION
from django.apps import apps
from django.contrib.contenttypes import fields
from django.contrib.contenttypes.models import ContentType, ContentTypeManager
from django.core.handlers import exception
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql import base as postgresql
from django.db.models import Model, Prefetch, QuerySet, deletion, query
from django.db.models.deletion import Collector
from django.db.models.fields import related_descriptors
from django.db.models.query import RawQuerySet
from django.db.models.sql import Query
from django.db.transaction import Atomic
from django.db.utils import ConnectionRouter
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import base as urls
from django.utils import timezone
from django.utils.translation import trans_real
from psycopg import ClientCursor, Cursor
from psycopg._cursor_base import BaseCursor

from tenants import TenantInfo
from tenants.isolation.patches.request_state import RequestLocal
from tenants.postgresql.cursor import TenantCursor

_FETCH_MODE = ["fetch_mode"] if VERSION >= (6, 1) else []
WRAPPED: dict[str, tuple[Any, str, list[str]]] = {
    "QuerySet.__init__": (QuerySet, "__init__", ["self", "model", "query", "using", "hints"]),
    "QuerySet._add_hints": (QuerySet, "_add_hints", ["self", "hints"]),
    "QuerySet._fetch_all": (QuerySet, "_fetch_all", ["self"]),
    "QuerySet.__getitem__": (QuerySet, "__getitem__", ["self", "k"]),
    "QuerySet.count": (QuerySet, "count", ["self"]),
    "QuerySet.exists": (QuerySet, "exists", ["self"]),
    "QuerySet.contains": (QuerySet, "contains", ["self", "obj"]),
    "QuerySet.resolve_expression": (QuerySet, "resolve_expression", ["self", "args", "kwargs"]),
    "QuerySet._combinator_query": (QuerySet, "_combinator_query", ["self", "combinator", "other_qs", "all"]),
    "QuerySet._merge_sanity_check": (QuerySet, "_merge_sanity_check", ["self", "other"]),
    "QuerySet.bulk_create": (
        QuerySet,
        "bulk_create",
        ["self", "objs", "batch_size", "ignore_conflicts", "update_conflicts", "update_fields", "unique_fields"],
    ),
    "QuerySet.bulk_update": (QuerySet, "bulk_update", ["self", "objs", "fields", "batch_size"]),
    "RawQuerySet.__init__": (
        RawQuerySet,
        "__init__",
        ["self", "raw_query", "model", "query", "params", "translations", "using", "hints", *_FETCH_MODE],
    ),
    "Model.save_base": (
        Model,
        "save_base",
        ["self", "raw", "force_insert", "force_update", "using", "update_fields"],
    ),
    "Model.__eq__": (Model, "__eq__", ["self", "other"]),
    "Query.check_query_object_type": (Query, "check_query_object_type", ["self", "value", "opts", "field"]),
    "Collector.collect": (
        Collector,
        "collect",
        ["self", "objs", "source", "nullable", "collect_related", "source_attr", "reverse_dependency",
         "keep_parents", "fail_on_restricted"],
    ),
    "prefetch_one_level": (query, "prefetch_one_level", ["instances", "prefetcher", "lookup", "level"]),
    "create_reverse_many_to_one_manager": (
        related_descriptors, "create_reverse_many_to_one_manager", ["superclass", "rel"],
    ),
    "create_forward_many_to_many_manager": (
        related_descriptors, "create_forward_many_to_many_manager", ["superclass", "rel", "reverse"],
    ),
    "create_generic_related_manager": (fields, "create_generic_related_manager", ["superclass", "rel"]),
    "GenericForeignKey.get_content_type": (
        fields.GenericForeignKey, "get_content_type", ["self", "obj", "id", "using", "model"],
    ),
    "ConnectionRouter.db_for_read": (ConnectionRouter, "db_for_read", ["self", "model", "hints"]),
    "ConnectionRouter.db_for_write": (ConnectionRouter, "db_for_write", ["self", "model", "hints"]),
    "ConnectionRouter.allow_relation": (ConnectionRouter, "allow_relation", ["self", "obj1", "obj2", "hints"]),
    "ConnectionRouter.allow_migrate": (ConnectionRouter, "allow_migrate", ["self", "db", "app_label", "hints"]),
    "Atomic.__exit__": (Atomic, "__exit__", ["self", "exc_type", "exc_value", "traceback"]),
    "os.chdir": (os, "chdir", ["path"]),
    "os.fchdir": (os, "fchdir", ["fd"]),
    "os._Environ.__setitem__": (os._Environ, "__setitem__", ["self", "key", "value"]),
    "os._Environ.__delitem__": (os._Environ, "__delitem__", ["self", "key"]),
}  # fmt: skip


@pytest.mark.parametrize("target", WRAPPED)
def test_what_is_wrapped_takes_the_arguments_that_we_know_and_is_wrapped_once(target: str) -> None:
    owner, name, arguments = WRAPPED[target]
    ours = vars(owner)[name]
    theirs = inspect.unwrap(ours)
    assert not theirs.__module__.startswith("tenants"), f"{target} is not wrapped round what was there"
    assert ours.__wrapped__ is theirs, f"{target} is wrapped more than once"
    assert list(inspect.signature(theirs).parameters) == arguments, f"{target} takes other arguments now"


def unwrapped(owner: Any, name: str) -> str:
    return textwrap.dedent(inspect.getsource(inspect.unwrap(vars(owner)[name])))


def test_fetch_all_which_is_replaced_does_what_ours_does() -> None:
    assert unwrapped(QuerySet, "_fetch_all") == (
        "def _fetch_all(self):\n"
        "    if self._result_cache is None:\n"
        "        self._result_cache = list(self._iterable_class(self))\n"
        "    if self._prefetch_related_lookups and not self._prefetch_done:\n"
        "        self._prefetch_related_objects()\n"
    )


def test_add_hints_which_is_replaced_does_what_ours_does() -> None:
    assert unwrapped(QuerySet, "_add_hints").splitlines()[-1].strip() == "self._hints.update(hints)"


@pytest.mark.parametrize("kind", [QuerySet, RawQuerySet])
def test_querysets_keep_what_we_read_under_these_names(in_tenant: TenantInfo, kind: Any) -> None:
    made: Any = QuerySet(User()) if kind is QuerySet else RawQuerySet("SELECT 1", model=User())
    for name in ("_hints", "_db", "_result_cache"):
        assert hasattr(made, name), name
    assert isinstance(vars(kind)["db"], property)


def User() -> type[Model]:  # noqa: N802
    return apps.get_model("auth", "User")


def test_a_clone_is_made_with_the_hints_of_its_queryset() -> None:
    made: Any = QuerySet(User())
    assert made._chain()._hints is made._hints


def test_prefetching_keeps_querysets_under_the_names_that_we_mark() -> None:
    source = unwrapped(query, "prefetch_one_level")
    assert "qs._result_cache = vals" in source
    assert "obj._prefetched_objects_cache[cache_name] = qs" in source
    assert Prefetch("x", queryset=QuerySet(User())).queryset is not None


def test_an_instance_keeps_its_alias_under_the_name_that_we_read() -> None:
    assert User()()._state.db is None


LOCALS: dict[str, Callable[[], Any]] = {
    "django.urls.base._urlconfs": lambda: urls._urlconfs,  # type: ignore[attr-defined]
    "django.utils.timezone._active": lambda: timezone._active,  # type: ignore[attr-defined]
    "django.utils.translation.trans_real._active": lambda: trans_real._active,
}


@pytest.mark.parametrize("name", LOCALS)
def test_what_django_keeps_per_thread_is_kept_per_request(name: str) -> None:
    assert isinstance(LOCALS[name](), RequestLocal)


@pytest.mark.parametrize(
    ("module", "name"), [(urls, "_urlconfs"), (timezone, "_active"), (trans_real, "_active")], ids=str
)
def test_django_still_makes_a_local_with_one_value_there(module: Any, name: str) -> None:
    source = inspect.getsource(module)
    assert f"{name} = Local()" in source, f"{module.__name__} keeps {name} in something else now"
    uses = {line.partition(f"{name}.")[2].split()[0] for line in source.splitlines() if f"{name}." in line}
    assert {use.partition(".")[0].rstrip(")") for use in uses} == {"value"}
    assert module.Local is Local


def test_a_request_tells_its_host_under_the_name_that_we_call() -> None:
    request = HttpRequest()
    request.META = {"HTTP_HOST": "acme.example:8000"}
    assert request._get_raw_host() == "acme.example:8000"  # type: ignore[attr-defined]


def test_a_streamed_response_has_the_parts_that_we_put_ours_around() -> None:
    response: Any = StreamingHttpResponse(iter([b"x"]))
    assert response._resource_closers == []
    assert next(response._iterator) == b"x"


def test_error_pages_are_rendered_by_the_function_that_we_replace() -> None:
    assert exception.sync_to_async.__module__ == "tenants.http.error_pages"  # type: ignore[attr-defined]
    assert "sync_to_async(\n" in inspect.getsource(exception) or "sync_to_async(" in inspect.getsource(exception)


def test_deletion_asks_the_function_that_we_replace() -> None:
    assert deletion.get_candidate_relations_to_delete.__module__ == "tenants.isolation.patches.deletion"
    assert "get_candidate_relations_to_delete(" in inspect.getsource(Collector)


def test_content_types_are_cached_under_the_name_that_we_replace() -> None:
    assert type(vars(ContentTypeManager)["_cache"]).__module__ == "tenants.isolation.scoping"
    assert "self._cache[self.db]" in inspect.getsource(ContentTypeManager)


def test_commit_hooks_are_kept_in_the_list_that_we_replace() -> None:
    source = inspect.getsource(BaseDatabaseWrapper)
    assert "self.run_on_commit.append((set(self.savepoint_ids), func, robust))" in source
    assert "_, func, robust = current_run_on_commit.pop(0)" in source
    for line in ("self.run_on_commit = []", "for (sids, func, robust) in self.run_on_commit"):
        assert line in source


def test_the_cursor_is_made_where_we_make_ours() -> None:
    assert "cursor = self.connection.cursor()" in inspect.getsource(postgresql.DatabaseWrapper.create_cursor)
    assert issubclass(postgresql.Cursor, ClientCursor)


def test_psycopg_sends_a_statement_where_we_put_the_settings_before_it() -> None:
    arguments = ["self", "query", "force_extended", "binary"]
    assert list(inspect.signature(ClientCursor._execute_send).parameters) == arguments
    assert list(inspect.signature(TenantCursor._execute_send).parameters) == arguments
    source = inspect.getsource(ClientCursor._execute_send)
    assert "self._query = query" in source
    assert "self._pgconn.send_query(query.query)" in source


def test_psycopg_keeps_results_where_we_take_those_of_the_settings_off() -> None:
    assert list(inspect.signature(BaseCursor._set_results).parameters) == ["self", "results"]
    source = inspect.getsource(BaseCursor._maybe_prepare_gen)
    assert "self._set_results(results)" in source
    for name in ("_results", "_iresult", "_pgconn", "_query"):
        assert hasattr(Cursor, name), name


# --- Once for the process


def test_patches_are_applied_once_however_often_apps_are_loaded() -> None:
    """Fault 10: a test that overrides INSTALLED_APPS has `ready()` called again, twice."""
    before = {target: vars(owner)[name] for target, (owner, name, _) in WRAPPED.items()}
    places = {name: read() for name, read in LOCALS.items()}
    cache = ContentType.objects._cache  # type: ignore[attr-defined]
    for _ in range(20):
        for config in apps.get_app_configs():
            if config.name.startswith(("tenants", "shop")):
                config.ready()
    for target, (owner, name, _) in WRAPPED.items():
        assert vars(owner)[name] is before[target], target
    assert {name: read() for name, read in LOCALS.items()} == places
    assert ContentType.objects._cache is cache  # type: ignore[attr-defined]


def test_receivers_are_connected_once_however_often_apps_are_loaded() -> None:
    """Fault 10: signals as well."""
    signals = [models.signals.post_save, models.signals.post_delete, models.signals.m2m_changed,
               models.signals.pre_save, models.signals.class_prepared]  # fmt: skip
    before = [len(signal.receivers) for signal in signals]
    for _ in range(3):
        apps.get_app_config("tenants").ready()
        apps.get_app_config("oauth").ready()
    assert [len(signal.receivers) for signal in signals] == before
