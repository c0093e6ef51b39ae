"""Patches of Django and Python, and subclasses of psycopg: their originals are as we know them, and replaced once.

A test that fails here after an upgrade names the place that has changed there.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.local import Local
from django.apps import apps
from django.contrib.contenttypes.models import ContentType, ContentTypeManager
from django.core.handlers import exception
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql import base as postgresql
from django.db.models import Model, Prefetch, QuerySet, query
from django.db.models.deletion import Collector
from django.db.models.query import RawQuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import base as urls
from django.utils import timezone
from django.utils.translation import trans_real
from psycopg import ClientCursor, Cursor
from psycopg._cursor_base import BaseCursor

import tenants
from tenants import TenantInfo
from tenants.checks.patches import check_patches
from tenants.http import overload
from tenants.isolation.patches import Patch, installed, table
from tenants.isolation.patches.contenttypes import ContentTypeCache
from tenants.isolation.patches.patch import originals
from tenants.isolation.patches.request_state import RequestLocal
from tenants.management import error_messages
from tenants.management.commands import migrate
from tenants.migrator import operations
from tenants.postgresql.cursor import TenantCursor

ENGINE = Path(tenants.__file__).parent
ALL = (*table.PATCHES, *operations.PATCHES, *overload.PATCHES, *error_messages.PATCHES, *migrate.PATCHES)
FUNCTIONS = [each for each in installed() if each.parameters is not None]


def test_patches_of_every_table_are_installed() -> None:
    assert {each.target for each in ALL if each.applies} == {each.target for each in installed()}


def test_table_has_one_row_for_a_target_and_version() -> None:
    targets = [each.target for each in ALL if each.applies]
    assert len(targets) == len(set(targets))


def test_tables_cover_every_attribute_that_is_assigned() -> None:
    """No module of the engine assigns to an attribute of Django's or Python's outside a table."""
    assigned = {
        f"{file.relative_to(ENGINE)}: {ast.unparse(target)}"
        for file in ENGINE.rglob("*.py")
        for tree in [ast.parse(file.read_text())]
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
        and target.value.id in foreign_names(tree)
    }  # fmt: skip
    assert assigned == set()


def foreign_names(tree: ast.Module) -> set[str]:
    """Return the names that a module imports at its top, and not from this project."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {
        name.asname or name.name
        for node in imports
        for name in node.names
        if not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("tenants", "shop")))
    }


@pytest.mark.parametrize("patch", FUNCTIONS, ids=lambda patch: patch.target)
def test_original_takes_the_parameters_of_its_row(patch: Patch) -> None:
    assert " ".join(inspect.signature(originals[patch.target]).parameters) == patch.parameters


@pytest.mark.parametrize("patch", FUNCTIONS, ids=lambda patch: patch.target)
def test_original_is_replaced_once(patch: Patch) -> None:
    owner, name = patch.place
    replacement, original = getattr(owner, name), originals[patch.target]
    assert replacement is not original
    assert not original.__module__.startswith("tenants"), "the original is a patch itself"
    if patch not in migrate.PATCHES:  # a subclass
        assert replacement.__wrapped__ == original


def test_check_names_an_original_with_other_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(check_patches()) == []
    target = "django.db.models.query:QuerySet.count"
    monkeypatch.setitem(originals, target, lambda self, exact: 0)
    [error] = check_patches()
    assert error.id == "tenants.E030"
    assert f"{target} takes (self exact), and its patch is written for (self)." in error.msg


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
    assert exception.sync_to_async.__wrapped__ is originals["django.core.handlers.exception:sync_to_async"]  # type: ignore[attr-defined]
    assert "sync_to_async(" in inspect.getsource(exception)


def test_deletion_asks_the_function_that_we_replace() -> None:
    assert "get_candidate_relations_to_delete(" in inspect.getsource(Collector)


def test_content_types_are_cached_under_the_name_that_we_replace() -> None:
    assert isinstance(vars(ContentTypeManager)["_cache"], ContentTypeCache)
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
    before = [getattr(*patch.place) for patch in installed()]
    cache = ContentType.objects._cache  # type: ignore[attr-defined]
    for _ in range(20):
        for config in apps.get_app_configs():
            if config.name.startswith(("tenants", "shop")):
                config.ready()
    assert [getattr(*patch.place) for patch in installed()] == before
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
