"""Commit hooks: callbacks of `on_commit` stay unwrapped and run as the tenant that registered them."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TestCase

from tenants import TenantInfo, active_tenant, use_tenant
from tenants.registry.lookup import tenant_by_slug


class Seen(list[str]):
    def note(self, word: str = "") -> None:
        tenant = active_tenant()
        self.append(word + ("" if tenant is None else tenant.slug))


def test_on_commit_keeps_the_callback_itself(acme: TenantInfo) -> None:
    """`run_on_commit` and `captureOnCommitCallbacks()` show the callback and not a wrapper."""
    callback = partial(Seen().note, "x")
    with use_tenant(acme), TestCase.captureOnCommitCallbacks() as captured:
        transaction.on_commit(callback, robust=True)
        ((savepoints, kept, robust),) = connection.run_on_commit
        assert kept is callback
        assert savepoints == set(connection.savepoint_ids)
        assert robust is True
    assert [each is callback for each in captured] == [True]


def test_captured_callbacks_run_as_the_tenant_that_registered_them(acme: TenantInfo, globex: TenantInfo) -> None:
    """Also after the block of its tenant has ended."""
    seen = Seen()
    with TestCase.captureOnCommitCallbacks(execute=True) as captured:
        for tenant in (acme, globex):
            with use_tenant(tenant):
                transaction.on_commit(partial(seen.note, "a "))
                transaction.on_commit(partial(seen.note, "b "), robust=True)
    assert seen == ["a acme", "b acme", "a globex", "b globex"]
    assert active_tenant() is None
    assert len(captured) == 4


def test_a_captured_callback_that_fails_leaves_no_tenant_active(acme: TenantInfo) -> None:
    def fail() -> None:
        raise KeyError(active_tenant())

    with pytest.raises(KeyError, match="acme"), TestCase.captureOnCommitCallbacks(execute=True):
        with use_tenant(acme):
            transaction.on_commit(fail)
    assert active_tenant() is None


def test_a_callback_registered_by_a_captured_one_runs_as_its_tenant(acme: TenantInfo) -> None:
    seen = Seen()
    with TestCase.captureOnCommitCallbacks(execute=True) as captured, use_tenant(acme):
        transaction.on_commit(lambda: transaction.on_commit(seen.note))
    assert seen == ["acme"]
    assert len(captured) == 2


def test_callbacks_run_in_order_as_their_tenants_after_a_commit(committed: None) -> None:
    acme, globex, seen = tenant_by_slug("acme"), tenant_by_slug("globex"), Seen()
    with use_tenant(acme), transaction.atomic():
        transaction.on_commit(seen.note)
        with use_tenant(globex), transaction.atomic():
            transaction.on_commit(seen.note)
            transaction.on_commit(lambda: transaction.on_commit(seen.note))
        with pytest.raises(KeyError), transaction.atomic():
            transaction.on_commit(partial(seen.note, "rolled back "))
            raise KeyError
        transaction.on_commit(seen.note)
    assert seen == ["acme", "globex", "globex", "acme"]
    assert connection.run_on_commit == []


def test_a_callback_that_fails_ends_the_rest_unless_it_is_robust(
    committed: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Django's message for a robust callback, also for a partial if Django has one."""
    seen = Seen()

    def fail() -> None:
        raise KeyError("why")

    with use_tenant(tenant_by_slug("acme")):
        with caplog.at_level(logging.ERROR, "django.db.backends.base"), transaction.atomic():
            transaction.on_commit(fail, robust=True)
            transaction.on_commit(seen.note)
        with pytest.raises(KeyError), transaction.atomic():
            transaction.on_commit(fail)
            transaction.on_commit(seen.note)
    assert seen == ["acme"]
    assert fail.__qualname__ in caplog.text
    assert "as_tenant" not in caplog.text
    assert connection.run_on_commit == []


def test_a_callback_may_open_a_transaction_with_callbacks_inside(committed: None) -> None:
    seen = Seen()

    def inner() -> None:
        with transaction.atomic():
            transaction.on_commit(partial(seen.note, "inner "))
        seen.note("outer ")

    with use_tenant(tenant_by_slug("acme")), transaction.atomic():
        transaction.on_commit(inner)
        transaction.on_commit(partial(seen.note, "second "))
    assert seen == ["inner acme", "outer acme", "second acme"]


@pytest.mark.parametrize("given", [None, 7, "text"])
def test_what_cannot_be_called_is_refused_as_by_django(acme: TenantInfo, given: Any) -> None:
    with use_tenant(acme), pytest.raises(TypeError, match="callable"):
        transaction.on_commit(given)
