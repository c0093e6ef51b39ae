"""Tests that commit: their rows are deleted, and the next test finds the tenants."""

from urllib.request import Request, urlopen

import pytest
from notes.models import Note

from tenants import use_tenant
from tenants.lifecycle import TenantSpec, create_tenant


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", [1, 2])
def test_a_test_that_commits_finds_the_tenants(tenant, other_tenant, client_of, time):
    for each in (tenant, other_tenant):
        with use_tenant(each):
            assert not Note.objects.exists()
            Note.objects.create(text=each.slug)
        assert client_of(each).get("/notes/").json() == {"notes": [each.slug]}
    create_tenant(TenantSpec(slug="third"))


@pytest.mark.parametrize("time", [1, 2])
def test_a_live_server_has_the_tenants(tenant, live_server, time):
    with use_tenant(tenant):
        Note.objects.create(text="live")
    with urlopen(Request(f"{live_server.url}/notes/", headers={"Host": tenant.host})) as answer:
        assert answer.read() == b'{"notes": ["live"]}'


def test_a_test_that_rolls_back_finds_them_after_that(in_tenant):
    assert not Note.objects.exists()
