"""Operators with different permissions, and a browser at the platform's host for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tenants.context import PLATFORM, use_tenant


@pytest.fixture
def office(db: None) -> Iterator[None]:
    """Run the test itself in the control plane's context."""
    with use_tenant(PLATFORM):
        yield


@pytest.fixture
def operator(office: None) -> User:
    return User.objects.create_superuser("mia", "mia@sangga.example", "correct horse")


@pytest.fixture
def browser(operator: User) -> Client:
    """A browser in which an operator with all rights has signed in."""
    client = Client(HTTP_HOST="localhost")
    client.force_login(operator)
    return client


@pytest.fixture
def browser_of(office: None) -> Callable[..., Client]:
    """Return a function that signs in an operator with these permissions only (`view_tenant`, …)."""

    def signed_in(*codenames: str) -> Client:
        user = User.objects.create_user("kim", "kim@sangga.example", "correct horse", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client(HTTP_HOST="localhost")
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def live_browser(committed: None) -> Iterator[Client]:
    """A browser of a committed operator, for work outside the test's transaction."""
    with use_tenant(PLATFORM):
        operator = User.objects.create_superuser("night-shift", "night@sangga.example", "correct horse")
        client = Client(HTTP_HOST="localhost")
        client.force_login(operator)
        yield client
        client.logout()
        operator.delete()
