"""A fault at any statement or call: the tenant is old or new, and the thread serves the next one.

By default each place fails in one of the ways, in turn. `SANGGA_FAULTS=all pytest tests/faults` tries all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from psycopg.pq import TransactionStatus

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.registry.lookup import registry
from tests.faults import calls, statements
from tests.faults.actions import Action, Stage, actions
from tests.faults.observer import Observer
from tests.faults.statements import Fault, Messages

ALL = os.environ.get("SANGGA_FAULTS") == "all"
PLACES = 0 if ALL else 8
"""How many messages and calls of an action fail; 0: all."""
_names = count()

each_action = pytest.mark.parametrize("action", list(actions()), ids=lambda action: action.name.replace(" ", "_"))


class Theatre:
    """Tenants to work on, a process that inspects them, and a tenant that must stay unchanged."""

    def __init__(self, stage: Stage, bystander: TenantInfo, observer: Observer, action: Action) -> None:
        self.stage = stage
        self.bystander = bystander
        self.observer = observer
        self.action = action
        for _ in range(2):  # the second time is like all later ones: rows of the variant are dormant
            self.ready()
            self.old = self.portrait()
            self.perform()
            self.new = self.portrait()
        assert self.old != self.new, "nothing was done"

    def ready(self) -> None:
        self.action.ready(self.stage)

    def perform(self) -> None:
        self.action.do(self.stage)

    def portrait(self) -> Any:
        own = self.action.is_done(self.stage) if self.action.is_done else None
        return self.observer.portrait(), own

    def attempt(self) -> Exception | None:
        """Do it, and return what went wrong."""
        try:
            self.perform()
        except Exception as error:
            return error
        return None

    def assert_whole(self, error: Exception | None, where: str) -> None:
        """Check the promises after `error`, or after a fault at `where` without an error."""
        self._assert_thread_serves(where)
        now = self.portrait()
        for tenant in now[0]:
            is_whole = tenant in self.old[0] or tenant in self.new[0]
            assert is_whole or self.action.between(tenant), f"{where}: neither old nor new: {tenant[:2]}"
        assert self.observer.strays() == [], where
        if error is None:
            assert now == self.new, f"{where}: nothing was said, and it is not done"
        elif now != self.new:
            registry.clear()
            self.perform()
            assert self.portrait() == self.new, f"{where}: it cannot be done again"

    def _assert_thread_serves(self, where: str) -> None:
        """The next tenant's write on this thread is committed, and in its own schema."""
        assert not connection.in_atomic_block, where
        if connection.connection is not None and not connection.connection.closed:
            assert connection.connection.pgconn.transaction_status == TransactionStatus.IDLE, where
        name = f"written {next(_names)}"
        with use_tenant(self.bystander):
            Group.objects.create(name=name)
        assert self.observer.written(self.bystander.schema, name) == 1, where


@pytest.fixture
def stage(open_shop: Callable[..., TenantInfo], tmp_path: Path) -> Stage:
    return Stage(shops=[open_shop() for _ in range(3)], folder=tmp_path)


@pytest.fixture
def theatre(stage: Stage, open_shop: Callable[..., TenantInfo], action: Action) -> Iterator[Theatre]:
    bystander = open_shop()
    with use_tenant(PLATFORM):
        looking = connection.connect_directly()
    with looking:
        observer = Observer(looking, [shop.id for shop in stage.shops])
        yield Theatre(stage, bystander, observer, action)
        action.ready(stage)
        for one in actions():
            if one.name in {"create", "rename", "set_variant"}:
                one.ready(stage)


@pytest.mark.timeout(1800)
@each_action
def test_message_that_fails_leaves_old_or_new_and_a_free_thread(theatre: Theatre, action: Action) -> None:
    """Fault 1, and every other statement, COMMIT and COPY of what is done to a tenant."""
    theatre.ready()
    with statements.watched(Messages()) as messages:
        theatre.perform()
    assert messages.sent > 2
    for at in places(messages.sent):
        for fault in list(Fault) if ALL else [list(Fault)[at % len(Fault)]]:
            theatre.ready()
            with statements.watched(Messages(fault, at)) as failing:
                error = theatre.attempt()
            where = f"{fault.name} at message {at} of {messages.sent} ({failing.failed})"
            if failing.failed and error is not None:
                assert re.search(fault.value, first_line(error)), f"{where} is told as: {first_line(error)}"
            theatre.assert_whole(error, where)


@pytest.mark.timeout(1800)
@each_action
def test_call_that_fails_leaves_old_or_new_and_a_free_thread(theatre: Theatre, action: Action) -> None:
    """The same with an error in Python, between statements."""
    theatre.ready()
    with calls.watched(calls.Calls()) as made:
        theatre.perform()
    for at in places(made.made):
        theatre.ready()
        with calls.watched(calls.Calls(at)) as failing:
            error = theatre.attempt()
        where = f"call {at} of {made.made} ({failing.failed})"
        if failing.failed and error is not None:
            assert "was told to fail" in first_line(error), f"{where} is told as: {first_line(error)}"
        theatre.assert_whole(error, where)


def places(number: int) -> list[int]:
    """Return which of `number` places fail: the first, the last, and some evenly between."""
    if not PLACES or number <= PLACES:
        return list(range(number))
    return sorted({round(place * (number - 1) / (PLACES - 1)) for place in range(PLACES)})


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else repr(error)
