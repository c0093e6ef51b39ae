"""Clients of a shop's API: anonymous, and staff with different permissions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from shop.steps import CLERK, MANAGER
from tenants import TenantInfo, use_tenant

ClientOf = Callable[[TenantInfo], Client]


class Caller:
    """A client that sends JSON to one shop, with the CSRF token of its session."""

    def __init__(self, client: Client, version: str) -> None:
        self.client = client
        self.root = f"/api/{version}"

    def send(self, method: str, path: str, data: Any = None, kind: str = "application/json", **headers: str) -> Any:
        """Send a request; headers are written as `if_match="…"`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {} if data is None else {"data": data}
        return getattr(self.client, method)(f"{self.root}{path}", **body, content_type=kind, headers=named)

    def get(self, path: str, data: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"{self.root}{path}", data, headers=named)

    def post(self, path: str, data: Any = None, kind: str = "application/json", **headers: str) -> Any:
        return self.send("post", path, data, kind, **headers)

    def put(self, path: str, data: Any = None, **headers: str) -> Any:
        return self.send("put", path, data, **headers)

    def patch(self, path: str, data: Any = None, **headers: str) -> Any:
        return self.send("patch", path, data, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("delete", path, **headers)


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> str:
    """Each version in turn."""
    return str(request.param)


@pytest.fixture
def client(acme: TenantInfo, client_of: ClientOf) -> Client:
    """An anonymous client of Acme."""
    return client_of(acme)


@pytest.fixture
def in_acme(acme: TenantInfo) -> Iterator[None]:
    with use_tenant(acme):
        yield


@pytest.fixture
def stranger(client: Client, version: str) -> Caller:
    return Caller(client, version)


@pytest.fixture
def staff(acme: TenantInfo, client_of: ClientOf, version: str) -> Callable[..., Caller]:
    """Return a function that signs in a new user with permissions (`app.codename`) or in a group, or the owner."""

    def sign_in(*permissions: str, group: str = "", owner: bool = False, tenant: TenantInfo = acme) -> Caller:
        client = client_of(tenant)
        with use_tenant(tenant):
            name = f"user{User.objects.count()}"
            user = User.objects.create_user(name, is_staff=True, is_superuser=owner)
            user.user_permissions.set(_permissions(permissions))
            if group:
                user.groups.add(Group.objects.get(name=group))
            client.force_login(user)
        return Caller(client, version)

    return sign_in


def _permissions(names: tuple[str, ...]) -> list[Permission]:
    parts = [name.split(".") for name in names]
    return [Permission.objects.get(content_type__app_label=app, codename=codename) for app, codename in parts]


@pytest.fixture
def owner(staff: Callable[..., Caller]) -> Caller:
    return staff(owner=True)


@pytest.fixture
def manager(staff: Callable[..., Caller]) -> Caller:
    return staff(group=MANAGER)


@pytest.fixture
def clerk(staff: Callable[..., Caller]) -> Caller:
    return staff(group=CLERK)


@pytest.fixture
def amount(version: str) -> Callable[[str], Any]:
    """Return a function that writes an amount in dollars as the version has it."""
    return lambda text: text if version == "v1" else {"amount": text, "currency": "USD"}
