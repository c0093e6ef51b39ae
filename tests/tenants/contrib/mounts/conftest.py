"""A platform in which applications can be mounted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.mounts.app_cache import app_cache
from tenants.contrib.mounts.models import Mount
from tenants.contrib.mounts.queue_middleware import mount_limiter
from tenants.registry.lookup import registry
from tests.settings import TENANTS
from tests.tenants.contrib.mounts import applications

FACTORIES = [
    "flask_app", "closing_app", "streaming_app", "silent_app", "failing_app", "broken_factory", "no_application",
    "not_found", "not_callable", "asgi_app", "unlively_asgi_app", "stillborn_asgi_app", "endless_asgi_app",
]  # fmt: skip
MOUNTS = {name: f"tests.tenants.contrib.mounts.applications.{name}" for name in FACTORIES}

Mounting = Callable[..., None]


@pytest.fixture(autouse=True)
def _factories() -> Iterator[None]:
    applications.built.clear()
    applications.closed.clear()
    applications.gone.clear()
    mount_limiter.clear()
    mounts = {**MOUNTS, "lost": "no.such.factory"}
    # Long, for a busy machine; tests of the limit itself set a shorter one.
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t", "MOUNTS": mounts, "MOUNTS_SECONDS": 240.0}):
        yield
    app_cache.retire()


@pytest.fixture
def mount(db: None) -> Mounting:
    """Return a function that mounts an application in a tenant, by default for all visitors."""

    def mount(tenant: TenantInfo, app: str, path: str = "backend", **more: Any) -> None:
        with use_tenant(PLATFORM):
            Mount.objects.create(tenant_id=tenant.id, app=app, path=path, **{"is_for_staff": False, **more})
        registry.clear()

    return mount


def text_of(response: Any) -> str:
    """Return the body of a response, streamed or not."""
    return b"".join(response).decode()


def json_of(response: Any) -> Any:
    return json.loads(text_of(response))


def at(tenant: TenantInfo) -> Client:
    return Client(HTTP_HOST=tenant.host)
