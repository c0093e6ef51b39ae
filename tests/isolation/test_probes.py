"""The probes of `check_isolation`: each finds a leak that the test creates."""

from __future__ import annotations

import contextvars
import posixpath
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.contenttypes.models import ContentTypeManager
from django.core.files.storage import storages
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path, set_urlconf
from psycopg.pq import TransactionStatus

from tenants import TenantInfo
from tenants.context import PLATFORM, use_tenant
from tenants.http import request_scope, resolution
from tenants.isolation import instances, router
from tenants.isolation.patches import admin, arguments, models, querysets, result_cache
from tenants.isolation.patches import router as router_patches
from tenants.isolation.storage import TenantFileSystemStorage
from tenants.postgresql import base, cursor_mixin
from tenants.postgresql import statement_settings as pg_settings
from tenants.registry.lookup import registry
from tenants.registry.resolver import HostStatus, Resolution
from tenants.testing.probe import Probe, Stage, Verdict, new_secret, run_probes
from tenants.testing.probes import all_probes
from tenants.testing.probes import database as database_probes

PLAIN_KEY = "one-for-all-0123456789-abcdefghijklmnopqrstuvwxyz"

Break = Callable[[pytest.MonkeyPatch, Stage], AbstractContextManager[Any] | None]


@pytest.fixture
def stage(open_tenant: Callable[..., TenantInfo]) -> Stage:
    secret = new_secret()
    owner, other = (open_tenant(f"{secret}-{which}", name=f"{secret}-{which}") for which in ("owner", "other"))
    return Stage(owner=owner, other=other, secret=secret)


def probe_named(name: str) -> Probe:
    return next(probe for probe in all_probes() if probe.name == name)


def verdicts(stage: Stage, name: str) -> dict[str, Verdict]:
    return {result.reader: result.verdict for result in run_probes(stage, [probe_named(name)])}


# --- What is broken, by the probe that has to find it


def _other_settings(patch: pytest.MonkeyPatch, change: Callable[..., tuple[str, str]]) -> None:
    """Send another path and another role in front of statements than those that a tenant has."""
    plain = pg_settings._path_and_role
    _forget_settings()
    patch.setattr(pg_settings, "_path_and_role", lambda schema, role: change(plain, schema, role))


def _forget_settings() -> None:
    pg_settings.settings_for.cache_clear()
    pg_settings.settings_replacing.cache_clear()


def everybody_is_the_owner(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    """Statements of all are sent to one schema."""
    _other_settings(patch, lambda plain, schema, role: plain(stage.owner.schema, ""))


def no_roles(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    _other_settings(patch, lambda plain, schema, role: plain(schema, ""))


def no_guard(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    """No check of records and querysets."""
    for module in (instances, arguments, models, querysets, router, router_patches):
        patch.setattr(module, "check_same_tenant", lambda instance: None)
    for module in (arguments, querysets, result_cache):
        patch.setattr(module, "check_queryset", lambda queryset: None)


def rows_know_nobody(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    no_guard(patch, stage)
    patch.setattr(result_cache.TenantRows, "check", lambda rows: None)


def nothing_is_forgotten(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    """What the server was told is believed after the rollback to a savepoint, too."""
    mixin = cursor_mixin.TenantCursorMixin
    patch.setattr(mixin, "_tenant_to_send", _never_twice(mixin._tenant_to_send))


def _never_twice(plain: Any) -> Any:
    told: list[tuple[int, TenantInfo | None]] = []

    def tenant_to_send(self: Any, **how: Any) -> TenantInfo | None:
        tenant: TenantInfo | None = plain(self, **how)
        if self.connection.pgconn.transaction_status == TransactionStatus.IDLE:
            told[:] = [(id(self.connection), tenant)]
            return tenant
        if tenant is not None and told[-1:] == [(id(self.connection), tenant)]:
            return None
        told.append((id(self.connection), tenant))
        return tenant

    return tenant_to_send


def settings_of_the_session(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    """The settings outlive their transaction."""

    def change(plain: Any, schema: str, role: str) -> tuple[str, str]:
        path, become = plain(schema, role)
        return path.replace("SET LOCAL", "SET"), become.replace("SET LOCAL", "SET")

    _other_settings(patch, change)


def threads_inherit(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    class Inheriting(Thread):
        def __init__(self, *, target: Callable[[], None]) -> None:
            super().__init__(target=contextvars.copy_context().run, args=(target,))

    patch.setattr(database_probes, "Thread", Inheriting)


def callbacks_run_as_who_commits(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    plain = base.postgresql.DatabaseWrapper
    patch.setattr(base.DatabaseWrapper, "run_on_commit", [], raising=True)
    for name in ("run_and_clear_commit_hooks", "on_commit"):
        patch.setattr(base.DatabaseWrapper, name, getattr(plain, name))


def one_cache(patch: pytest.MonkeyPatch, stage: Stage) -> AbstractContextManager[Any]:
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": stage.secret}
    return override_settings(CACHES={"default": cache})


def _one_storage(backend: str) -> Break:
    @contextmanager
    def broken(stage: Stage) -> Iterator[None]:
        media = Path(settings.MEDIA_ROOT) / stage.secret
        both = {**settings.STORAGES, "default": {"BACKEND": backend}}
        with override_settings(STORAGES=both, MEDIA_ROOT=str(media)):
            storages._storages.clear()
            yield
        storages._storages.clear()

    return lambda patch, stage: broken(stage)


class Traversed(TenantFileSystemStorage):
    """Joins names as they are, and reads what comes of it."""

    def path(self, name: str) -> str:
        return posixpath.normpath(posixpath.join(self.location, name))


@contextmanager
def _one_memory_of_content_types() -> Iterator[None]:
    scoped = ContentTypeManager.__dict__["_cache"]
    ContentTypeManager._cache = {}
    try:
        yield
    finally:
        ContentTypeManager._cache = scoped


def one_memory_of_content_types(patch: pytest.MonkeyPatch, stage: Stage) -> AbstractContextManager[Any]:
    return _one_memory_of_content_types()


def sessions_in_one_cache(patch: pytest.MonkeyPatch, stage: Stage) -> AbstractContextManager[Any]:
    stack = ExitStack()
    stack.enter_context(override_settings(SESSION_ENGINE="django.contrib.sessions.backends.cache"))
    stack.enter_context(one_cache(patch, stage))
    return stack


def one_key(patch: pytest.MonkeyPatch, stage: Stage) -> AbstractContextManager[Any]:
    return override_settings(SECRET_KEY=PLAIN_KEY)


def one_key_and_one_schema(patch: pytest.MonkeyPatch, stage: Stage) -> AbstractContextManager[Any]:
    def change(plain: Any, schema: str, role: str) -> tuple[str, str]:
        found: tuple[str, str] = plain(schema if schema == "public" else stage.owner.schema, "")
        return found

    _other_settings(patch, change)
    return override_settings(SECRET_KEY=PLAIN_KEY, SESSION_ENGINE="django.contrib.sessions.backends.db")


def pages_are_the_owners(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    """As a cache in front would answer that does not look at the host."""
    from tenants.testing.probes import web

    plain = web._client
    patch.setattr(web, "_client", lambda tenant: plain(stage.owner))


def an_admin_of_tenants_has_it_all(patch: pytest.MonkeyPatch, stage: Stage) -> AbstractContextManager[Any]:
    """The operator's admin at tenants' hosts, with a guard, a router and rights that let it read."""
    everything = frozenset(router.app_labels_for(PLATFORM) | router.app_labels_for(stage.owner))
    patch.setattr(router, "app_labels_for", lambda tenant: everything)
    patch.setattr(admin, "has_tables", lambda label: True)

    def change(plain: Any, schema: str, role: str) -> tuple[str, str]:
        path, become = plain(schema, "")
        return f"{path}, public", become

    _other_settings(patch, change)
    tenants = {**settings.TENANTS, "TENANT_URLCONF": settings.ROOT_URLCONF}
    return override_settings(TENANTS=tenants)


def nobody_leaves(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    patch.setattr(request_scope, "leave", lambda block: None)


def unknown_hosts_are_the_owners(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    found = Resolution(status=HostStatus.OPEN, tenant=stage.owner)
    patch.setattr(resolution, "resolve", lambda host, path: found)
    registry.clear()


BREAKS: dict[str, tuple[Break, set[str]]] = {
    "rows through the ORM": (everybody_is_the_owner, {"other tenant", "platform"}),
    "tables by qualified name": (no_roles, {"other tenant"}),
    "the control plane's tables": (no_roles, {"other tenant"}),
    "saving a record": (no_guard, {"other tenant", "platform"}),
    "a queryset of another tenant": (no_guard, {"other tenant", "platform"}),
    "rows in memory of a shared queryset": (rows_know_nobody, {"other tenant", "platform"}),
    "the search path after a savepoint's rollback": (nothing_is_forgotten, {"other tenant", "platform"}),
    "the connection after a tenant's block": (settings_of_the_session, {"other tenant", "platform", "no tenant"}),
    "a thread started by a tenant": (threads_inherit, {"no tenant"}),
    "an on_commit callback": (callbacks_run_as_who_commits, {"other tenant", "platform"}),
    "cache 'default'": (one_cache, {"other tenant", "platform", "no tenant"}),
    "storage 'default'": (
        _one_storage("django.core.files.storage.FileSystemStorage"), {"other tenant", "platform", "no tenant"},
    ),
    "storage 'default', by ../": (_one_storage(f"{__name__}.Traversed"), {"other tenant", "platform"}),
    "ids of content types in memory": (one_memory_of_content_types, {"other tenant", "platform"}),
    "a session key": (sessions_in_one_cache, {"other tenant", "platform", "no tenant"}),
    "a signed value": (one_key, {"other tenant", "platform", "no tenant"}),
    "a password link": (one_key, {"other tenant", "platform", "no tenant"}),
    "a session cookie": (one_key_and_one_schema, {"other tenant"}),
    "pages without parameters": (pages_are_the_owners, {"other tenant", "platform"}),
    "the control plane in an admin": (an_admin_of_tenants_has_it_all, {"owner"}),
    "the active tenant after a response": (nobody_leaves, {"no tenant"}),
    "an unknown host": (unknown_hosts_are_the_owners, {"no tenant"}),
}  # fmt: skip

IN_ANOTHER_PROJECT = {"sites in memory"}
"""Broken in tests/acceptance/test_kit.py: this project has no such app."""


@pytest.mark.parametrize("name", BREAKS)
def test_a_probe_finds_nothing_where_nothing_is_broken(stage: Stage, name: str) -> None:
    """Fault 23: two of them proved nothing in this very project."""
    assert set(verdicts(stage, name).values()) == {Verdict.ISOLATED}


@pytest.mark.parametrize("name", BREAKS)
def test_a_probe_finds_what_was_broken(stage: Stage, name: str) -> None:
    """Fault 23: a probe that cannot fail is none."""
    broken, readers = BREAKS[name]
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        if (overridden := broken(patch, stage)) is not None:
            stack.enter_context(overridden)
        found = verdicts(stage, name)
    _clean_up()
    assert {reader for reader, verdict in found.items() if verdict is Verdict.LEAK} == readers, found


def _clean_up() -> None:
    from django.db import connection

    from tenants.context import innermost

    _forget_settings()
    innermost.set(None)
    set_urlconf(None)
    connection.close()
    if connection.pool:
        connection.close_pool()
    registry.clear()


def test_every_probe_is_tried_here() -> None:
    """Fault 23."""
    assert {probe.name for probe in all_probes()} == set(BREAKS) | IN_ANOTHER_PROJECT


# --- Projects that are not like ours


class RightsAlone(BaseBackend):
    """As django-guardian's: it knows rights, and no users."""


class ItsOwn(ModelBackend):
    """Finds only its own users."""

    def get_user(self, user_id: int) -> None:
        return None


@pytest.mark.parametrize(
    "backends",
    [
        ["django.contrib.auth.backends.ModelBackend", f"{__name__}.RightsAlone"],
        [f"{__name__}.RightsAlone", f"{__name__}.ItsOwn", "django.contrib.auth.backends.ModelBackend"],
    ],
    ids=["guardian", "last"],
)
def test_a_backend_that_finds_the_user_is_chosen(stage: Stage, backends: list[str]) -> None:
    """Fault 23: the last one in AUTHENTICATION_BACKENDS need not find users at all."""
    with override_settings(AUTHENTICATION_BACKENDS=backends):
        for name in ("a session cookie", "the control plane in an admin"):
            assert set(verdicts(stage, name).values()) == {Verdict.ISOLATED}, name


def test_project_whose_backends_find_no_user_is_skipped_with_a_reason(stage: Stage) -> None:
    """Fault 23."""
    with override_settings(AUTHENTICATION_BACKENDS=[f"{__name__}.RightsAlone"]):
        (result,) = run_probes(stage, [probe_named("a session cookie")])
    assert result.verdict is Verdict.SKIPPED
    assert "AUTHENTICATION_BACKENDS" in result.detail


urlpatterns = [path("elsewhere/", lambda request: HttpResponse(request.tenant.name))]
"""A URLconf of tenants without a page at `/`."""


@pytest.mark.parametrize(
    "name",
    [
        "a session cookie",
        "the active tenant after a response",
        "an unknown host",
        "pages without parameters",
    ],
)
def test_a_project_without_a_page_at_the_root_can_be_tried(stage: Stage, name: str) -> None:
    """Fault 23."""
    with override_settings(TENANTS={**settings.TENANTS, "TENANT_URLCONF": __name__}):
        assert set(verdicts(stage, name).values()) == {Verdict.ISOLATED}


def test_a_project_that_asks_for_a_second_factor_can_be_tried(stage: Stage) -> None:
    """Fault 23: operators' pages are shown after one."""
    with override_settings(TENANTS={**settings.TENANTS, "OPERATOR_SECOND_FACTOR": True}):
        assert set(verdicts(stage, "the control plane in an admin").values()) == {Verdict.ISOLATED}
        with use_tenant(PLATFORM):
            from django.contrib.auth.models import User

            User.objects.filter(username__startswith=stage.secret).delete()
