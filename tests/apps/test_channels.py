"""Channels behind daphne: the tenant of a host, its groups and channels, and the end of its WebSockets."""

from http.client import HTTPConnection

import pytest
from articles.models import Article
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from redis_server import free_port, is_open
from servers import eventually, running
from websocket import Refused, WebSocket

from tenants import use_tenant
from tenants.conf import tenancy
from tenants.lifecycle import resume_tenant, sign_out_tenant, suspend_tenant

ROOM = "/room/"


@pytest.fixture
def port(committed):
    found = free_port()
    with running("daphne", "-b", "127.0.0.1", "-p", str(found), "magazine.asgi:application"):
        eventually(lambda: is_open(found))
        yield found


def test_channels_serves_each_host_its_tenant(port, open_tenant):
    first, second = open_tenant(), open_tenant()
    one, other = (WebSocket(port, each.host, ROOM) for each in (first, second))
    hello, theirs = one.receive(), other.receive()
    assert (hello["tenant"], theirs["tenant"]) == (first.slug, second.slug)
    one.send(save="ours")
    assert one.receive() == {"by": first.slug, "titles": ["ours"]}
    # A channel that the other tenant has learned of is of no use to it: its consumer ends with WrongTenant.
    assert hello["channel"].endswith(f"@{first.schema}")
    other.send(titles=True)
    assert other.receive() == {"titles": []}, "the message to the group would have come before"
    other.send(save="theirs")
    assert other.receive() == {"by": second.slug, "titles": ["theirs"]}
    one.send(to=hello["channel"])
    assert one.receive() == {"by": "a direct message", "titles": ["ours"]}
    other.send(to=hello["channel"])
    assert other.receive() == 1011
    one.send(titles=True)
    assert one.receive() == {"titles": ["ours"]}
    with use_tenant(second):
        assert [row.title for row in Article.objects.all()] == ["theirs"]
    assert stream(port, first.host) == (200, "ours")
    assert stream(port, second.host) == (200, "theirs")


def stream(port, host):
    client = HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", "/stream/", headers={"Host": host})
    response = client.getresponse()
    return response.status, response.read().decode()


def test_channels_signs_users_in_at_their_own_tenant(port, open_tenant):
    first, second = open_tenant(), open_tenant()
    with use_tenant(first):
        client = Client(HTTP_HOST=first.host)
        client.force_login(User.objects.create(username="reader"), "django.contrib.auth.backends.ModelBackend")
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    users = [WebSocket(port, each.host, ROOM, Cookie=cookie).receive()["user"] for each in (first, second)]
    assert users == ["reader", "AnonymousUser"]


def test_channels_refuses_what_the_middleware_refuses(port, open_tenant):
    # Daphne answers each rejected WebSocket with 403.
    tenant = open_tenant()
    with pytest.raises(Refused, match="403"):
        WebSocket(port, f"nothing.{tenancy().base_domain}", ROOM)
    assert stream(port, f"nothing.{tenancy().base_domain}")[0] == 404
    with pytest.raises(Refused, match="403"):
        WebSocket(port, tenant.host, ROOM, Origin="http://elsewhere.example")
    WebSocket(port, tenant.host, ROOM, Origin=f"http://{tenant.host}").receive()
    suspend_tenant(tenant.slug)
    assert eventually(lambda: stream(port, tenant.host)[0] == 503)
    with pytest.raises(Refused, match="403"):
        WebSocket(port, tenant.host, ROOM)
    resume_tenant(tenant.slug)


@pytest.mark.parametrize("end", [suspend_tenant, sign_out_tenant])
def test_channels_closes_sockets_of_a_tenant_that_ends_them(port, open_tenant, end):
    tenant, other = open_tenant(), open_tenant()
    ended, kept = (WebSocket(port, each.host, ROOM) for each in (tenant, other))
    ended.receive()
    kept.receive()
    end(tenant.slug)
    assert ended.receive() == 1000
    kept.send(titles=True)
    assert kept.receive() == {"titles": []}


def test_channels_rolls_back_what_a_message_of_the_layer_leaves_open(port, open_tenant):
    one, other = (WebSocket(port, open_tenant().host, ROOM) for _ in range(2))
    one.receive()
    other.receive()
    one.send(leave_open=True)
    assert one.receive() == {"by": "the message after it", "titles": []}
    other.send(titles=True)
    assert other.receive() == {"titles": []}


def test_channels_ends_a_stream_of_a_suspended_tenant(port, open_tenant):
    tenant = open_tenant()
    client = HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", "/endless/", headers={"Host": tenant.host})
    response = client.getresponse()
    assert response.read(5) == b"tick\n"
    suspend_tenant(tenant.slug)
    response.read()
