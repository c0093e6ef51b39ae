"""The limit on concurrent downloads of large files: a slow client holds a thread of a WSGI server."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from tenants import TenantInfo, use_tenant
from tenants.contrib.limits.media import KEPT_BY_THE_SYSTEM


@pytest.fixture
def files(acme: TenantInfo, globex: TenantInfo) -> None:
    for tenant in (acme, globex):
        with use_tenant(tenant):
            for name, size in (("large.png", KEPT_BY_THE_SYSTEM + 1), ("small.png", 100)):
                default_storage.delete(name)
                default_storage.save(name, ContentFile(b"x" * size))


def ask(tenant: TenantInfo, name: str, address: str) -> Any:
    return Client(HTTP_HOST=tenant.host, REMOTE_ADDR=address).get(f"/media/{name}")


@pytest.mark.usefixtures("files")
def test_large_files_are_bounded_by_address_tenant_and_in_all(
    acme: TenantInfo, globex: TenantInfo, settings: Any
) -> None:
    """Fault 47: who reads slowly what a shop sends holds threads as who writes slowly does."""
    settings.TENANTS = {**settings.TENANTS, "MAX_WAITING_REQUESTS": 6}
    sent = [ask(acme, "large.png", "192.0.2.1") for _ in range(3)]
    assert [one.status_code for one in sent] == [200] * 3
    refused = ask(acme, "large.png", "192.0.2.1")
    assert (refused.status_code, refused["Retry-After"]) == (503, "2")
    sent.append(ask(acme, "small.png", "192.0.2.1"))
    sent.append(ask(acme, "large.png", "192.0.2.2"))
    assert ask(acme, "large.png", "192.0.2.2").status_code == 503, "a tenant has two thirds"
    sent += [ask(globex, "large.png", "192.0.2.3") for _ in range(2)]
    assert ask(globex, "large.png", "192.0.2.4").status_code == 503, "as many as there may be"
    for one in sent:
        assert one.status_code == 200
        one.close()
    again = ask(acme, "large.png", "192.0.2.1")
    assert again.status_code == 200
    again.close()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", ["x" * 256 + ".png", "x" * 5_000, "a/" * 3_000 + "b", "x\0y", "large.png/below", "."])
def test_a_name_that_no_file_can_have_is_not_found(acme: TenantInfo, name: str) -> None:
    """Fault 32: a media name of 256 characters was an error of the server's."""
    assert ask(acme, name, "192.0.2.1").status_code == 404
