"""Forwarding of requests and responses, with filtered headers."""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Callable
from typing import Any

import pytest
from multidict import CIMultiDict

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.observability.principal import ANONYMOUS
from tenants.contrib.observability.request_context import RequestContext
from tenants.contrib.services.identity import HEADER, verify
from tenants.contrib.services.keys import service_keys
from tenants.contrib.services.registry import service_registry
from tenants.lifecycle import suspend_tenant
from tenants.models import Domain
from tests.tenants.contrib.gateway import upstreams
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Failing, Telling
from tests.waiting import eventually


def test_a_request_reaches_its_service_and_the_answer_its_client(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    reply = front.ask(shop, "/goods/?page=2&q=%C3%A4%2F", "PUT", b"hello", Accept="text/x", X_Own="kept")
    assert reply.status == 200
    assert (reply.json["method"], reply.json["target"]) == ("PUT", "/goods/?page=2&q=%C3%A4%2F")
    assert reply.json["sha256"] == hashlib.sha256(b"hello").hexdigest()
    assert reply.received["host"] == shop.host
    assert (reply.received["accept"], reply.received["x-own"]) == ("text/x", "kept")
    assert reply.received["content-length"] == "5"


def test_the_service_is_told_who_asks_in_words_that_only_the_gateway_has(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    reply = front.ask(shop)
    identity = verify(reply.received[HEADER.lower()], service="telling", keys=service_keys("telling"))
    assert (identity.tenant, identity.slug, identity.epoch) == (shop.id, shop.slug, shop.epoch)
    assert identity.principal == ANONYMOUS
    assert reply.received["x-forwarded-for"] == "127.0.0.1"
    assert (reply.received["x-forwarded-host"], reply.received["x-forwarded-proto"]) == (shop.host, "http")
    call = RequestContext.from_headers(CIMultiDict(reply.received), ANONYMOUS)
    assert reply.received["x-request-id"] == reply.headers["X-Request-ID"] == call.request_id
    assert reply.received["traceparent"].startswith("00-")
    assert 0 < float(reply.received["sangga-seconds-left"]) <= 10  # for one address, and not for all attempts


def test_headers_that_connection_names_are_its_own(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    reply = front.ask(shop, Connection="close, X-Own, Host", X_Own="hop", X_Other="kept")
    assert "x-own" not in reply.received
    assert (reply.received["x-other"], reply.received["host"]) == ("kept", shop.host)


def test_cookies_and_tokens_are_for_services_of_this_code_base_alone(front: Front, shop: TenantInfo) -> None:
    ours, others = Telling("ours"), Telling("others")
    front.behind(ours, name="ours", runs_sangga=True)
    front.behind(others, name="others", prefixes="/others/")
    sent = {"Cookie": "sessionid=secret", "Authorization": "Basic c2VjcmV0"}
    assert {"cookie", "authorization"} <= front.ask(shop, **sent).received.keys()
    reply = front.ask(shop, "/others/", **sent)
    assert reply.json["name"] == "others"
    assert not {"cookie", "authorization"} & reply.received.keys()


def test_the_answers_headers_pass_but_those_of_its_connection(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling(), runs_sangga=True)
    reply = front.ask(shop, "/cookies")
    assert len(reply.headers.get_all("Set-Cookie")) == 2
    assert "Sangga-Secret" not in reply.headers
    assert "Keep-Alive" not in reply.headers


@pytest.mark.parametrize("code", [201, 204, 301, 304, 404, 418, 500, 503])
def test_the_services_own_status_is_passed_on(front: Front, shop: TenantInfo, code: int) -> None:
    front.behind(Telling())
    reply = front.ask(shop, f"/status?code={code}")
    assert reply.status == code
    assert reply.body == (b"" if code in {204, 304} else b"so it is")


def test_head_has_the_length_and_no_body(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    got, head = front.ask(shop, "/status?code=200"), front.ask(shop, "/status?code=200", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == "8"


def test_the_beginning_of_the_path_is_taken_off_where_the_service_wants_it(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling(), prefixes="/stock/", strip_prefix=True)
    reply = front.ask(shop, "/stock/mugs?x=/stock/")
    assert (reply.json["target"], reply.received["x-forwarded-prefix"]) == ("/mugs?x=/stock/", "/stock")


def test_a_service_that_is_not_granted_is_not_there(front: Front, open_shop: Callable[..., TenantInfo]) -> None:
    mine, other = open_shop(), open_shop()
    service = front.behind(Telling(), every_tenant=False)
    with use_tenant(PLATFORM):
        service.tenants.add(mine.id)
    service_registry.invalidate()
    assert front.ask(mine).status == 200
    refused, nowhere = front.ask(other), front.ask("nobody.localhost")
    assert refused.status == nowhere.status == front.ask("localhost").status == 404
    assert refused.json["type"] == "about:blank"
    assert refused.json["request_id"] == refused.headers["X-Request-ID"]
    assert refused.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    without_ids = [{k: v for k, v in reply.json.items() if k != "request_id"} for reply in (refused, nowhere)]
    assert without_ids[0] == without_ids[1]


def test_a_change_in_the_admin_is_in_force_without_a_restart(front: Front, shop: TenantInfo) -> None:
    service = front.behind(Telling("old"))
    assert front.ask(shop).json["name"] == "old"
    new = Telling("new")
    port = front.loop.run(new.start())
    with use_tenant(PLATFORM):
        service.addresses.update(url=f"http://127.0.0.1:{port}")
    assert eventually(lambda: front.ask(shop).json["name"] == "new")
    with use_tenant(PLATFORM):
        service.is_active = False
        service.save()
    assert eventually(lambda: front.ask(shop).status == 404)
    front.loop.run(new.stop())


def test_suspended_shop_and_alias_never_reach_a_foreign_service(front: Front, live_tenant: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling)
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=live_tenant.id, host="own.example", is_primary=True)
    moved = front.ask(live_tenant, "/a?b=c")
    assert (moved.status, moved.headers["Location"]) == (308, "http://own.example:8000/a?b=c")
    suspend_tenant(live_tenant.slug)
    assert eventually(lambda: front.ask("own.example").status == 503)
    closed = front.ask("own.example")
    assert closed.headers["Retry-After"] == "300"
    assert closed.json["type"] == "urn:sangga:problem:closed"
    assert telling.asked == 0


def test_ours_keeps_its_own_door(front: Front, live_tenant: TenantInfo) -> None:
    front.behind(Telling(), runs_sangga=True)
    suspend_tenant(live_tenant.slug)
    assert front.ask(live_tenant).status == 200


def test_an_answer_is_passed_on_as_it_comes(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=180)
    connection.request("GET", "/stream?pieces=3&pause=0.5", headers={"Host": shop.host})
    response = connection.getresponse()
    first = response.read1()
    began = time.monotonic()
    rest = response.read()
    assert first == b"data: 0\n\n"
    assert rest == b"data: 1\n\ndata: 2\n\n"
    assert time.monotonic() - began > 0.5  # the second piece did not exist yet when the first was here
    connection.close()


def test_a_body_is_passed_on_as_it_comes(front: Front, shop: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling)
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=180)
    connection.putrequest("POST", "/", skip_host=True)
    connection.putheader("Host", shop.host)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"5\r\nhello\r\n")
    assert eventually(lambda: telling.bodies == 5)
    connection.send(b"6\r\n world\r\n0\r\n\r\n")
    reply = connection.getresponse()
    assert hashlib.sha256(b"hello world").hexdigest() in reply.read().decode()
    connection.close()


def test_who_asks_for_leave_to_send_gets_it(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    head = f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
    answer = front.raw(f"{head}Connection: close\r\n\r\nhello".encode())
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_a_body_that_is_too_large_is_refused_by_its_length_and_by_its_bytes(front: Front, shop: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling, max_body_mib=1)
    said = front.ask(shop, "/", "POST", Content_Length=str(2**20 + 1))
    assert said.status == 413
    chunks = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = front.raw(head + chunks * 20 + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert telling.bodies <= 2**20


def test_the_gateways_own_paths_lead_to_no_service(front: Front, shop: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling)
    assert front.ask(shop, "/-/health").body == b"ok\n"
    assert front.ask(shop, "/-/anything").status == 404
    assert telling.asked == 0


def test_the_platforms_host_has_what_is_granted_to_it(front: Front) -> None:
    front.behind(Telling(), at_platform=True)
    reply = front.ask("localhost")
    identity = verify(reply.received[HEADER.lower()], service="telling", keys=service_keys("telling"))
    assert (identity.tenant, identity.slug) == (0, "")


def test_no_warm_request_asks_the_database(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())

    def is_quiet() -> bool:  # as soon as the last notification of `behind` has arrived
        before = front.gateway.lookup.query_count
        assert [front.ask(shop).status for _ in range(5)] == [200] * 5
        return before == front.gateway.lookup.query_count

    assert eventually(is_quiet)


def test_an_unknown_host_is_looked_up_once(front: Front) -> None:
    assert front.ask("nobody-at-all.localhost").status == 404
    before = front.gateway.lookup.query_count
    for _ in range(5):
        assert front.ask("nobody-at-all.localhost").status == 404
    assert front.gateway.lookup.query_count == before


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("DELETE", None), ("POST", b"hello"), ("GET", b"hello")])
def test_service_gets_each_header_once_and_no_others(
    front: Front, shop: TenantInfo, method: str, body: bytes | None
) -> None:
    front.behind(Telling())
    reply = front.ask(shop, "/", method, body, X_Own="kept")
    said = {
        "host", "x-forwarded-host", "x-forwarded-for", "x-forwarded-proto", "sangga-identity", "x-request-id",
        "traceparent", "sangga-seconds-left", "x-own",
    }  # fmt: skip
    length = {"content-length"} if body or method == "DELETE" else set()
    assert sorted(name.lower() for name, _ in reply.json["headers"]) == sorted(said | length)


def test_connection_is_reused_after_any_response(front: Front, shop: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling)
    for method, target, body in [
        ("GET", "/", None), ("HEAD", "/", None), ("GET", "/status?code=204", None), ("GET", "/status?code=304", None),
        ("POST", "/", b"small"), ("GET", "/stream", None), ("PUT", "/", b"large" * 20_000), ("OPTIONS", "/", None),
    ]:  # fmt: skip
        assert front.ask(shop, target, method, body).status < 400
        assert telling.connections == 1


def test_what_only_announces_an_answer_is_not_taken_for_one(front: Front, shop: TenantInfo) -> None:
    front.behind(Failing(upstreams.hints_first))
    reply = front.ask(shop)
    assert (reply.status, reply.body) == (200, b"well")


def test_response_before_the_end_of_the_body_arrives_and_closes(front: Front, shop: TenantInfo) -> None:
    early = Failing(upstreams.answer_early)
    front.behind(early)
    for _ in range(3):
        answer = front.raw(f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nContent-Length: 1000000\r\n\r\nhello".encode())
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert answer.endswith(b"no")
    assert early.asked == 3
    (address,) = front.gateway.upstreams.by_name["telling"].endpoints
    assert (address.failures, address.in_flight) == (0, 0)


def test_well_known_address_of_issuer_below_path_reaches_its_service(
    front: Front, shop: TenantInfo, settings: Any
) -> None:
    """Fault 61: RFC 8414 puts what names the tenant behind the well-known name."""
    settings.TENANTS = {**settings.TENANTS, "PATH_PREFIX": "t"}
    front.behind(Telling(), name="telling", prefixes="/.well-known", runs_sangga=True)
    for target in (
        f"/.well-known/oauth-authorization-server/t/{shop.slug}",
        f"/t/{shop.slug}/.well-known/oauth-authorization-server",
    ):
        reply = front.ask("localhost", target)
        identity = verify(reply.received[HEADER.lower()], service="telling", keys=service_keys("telling"))
        assert (identity.slug, reply.json["target"]) == (shop.slug, target)
    assert front.ask("localhost", "/.well-known/oauth-authorization-server/t/nobody-there").status == 404
