"""A mounted application that hangs, blocks or exits affects only its own shop, for a limited time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Event, active_count
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import Client, RequestFactory, override_settings

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.limits import waiting
from tenants.contrib.mounts import app_cache as cache_module
from tenants.contrib.mounts.app_cache import app_cache
from tenants.contrib.mounts.call_limits import running_calls
from tenants.contrib.mounts.errors import MountTimedOut
from tenants.contrib.mounts.exit_guard import ApplicationExited
from tenants.contrib.mounts.models import Mount
from tenants.registry.lookup import registry
from tests.settings import TENANTS
from tests.tenants.contrib.mounts import unruly
from tests.tenants.contrib.mounts.conftest import Mounting, at, text_of
from tests.tenants.contrib.mounts.test_asgi import Socket
from tests.waiting import eventually

FACTORIES = ["wsgi", "asgi", "exiting_factory", "hanging_factory", "asked_again", "exiting_lifespan"]
KINDS = ["wsgi", "asgi"]


@pytest.fixture(autouse=True)
def _unruly(_factories: None) -> Iterator[None]:
    unruly.released.clear()
    unruly.asked.clear()
    mounts = {name: f"tests.tenants.contrib.mounts.unruly.{name}" for name in FACTORIES}
    with override_settings(TENANTS={**TENANTS, "MOUNTS": mounts, "MOUNTS_SECONDS": 2.0, "PLANS": {}}):
        yield
        unruly.released.set()
        app_cache.retire()


@pytest.fixture
def shop_with(open_shop: Callable[..., TenantInfo]) -> Callable[..., TenantInfo]:
    """Return a function that creates a committed shop with an application mounted for all visitors."""

    def opening(app: str) -> TenantInfo:
        shop = open_shop(owner_email="owner@unruly.example")
        with use_tenant(PLATFORM):
            Mount.objects.create(tenant_id=shop.id, app=app, path="app", is_for_staff=False)
        registry.clear()
        return shop

    return opening


def client_of(shop: TenantInfo) -> Client:
    return Client(HTTP_HOST=shop.host, raise_request_exception=False)


def is_well(shop: TenantInfo) -> bool:
    """Tell whether the application answers; on a busy machine not always within its short time limit."""

    def answers() -> bool:
        answer = client_of(shop).get("/app/")
        return answer.status_code == 200 and answer.getvalue() == b"owner@unruly.example"

    return eventually(answers)


# --- Time


@pytest.mark.parametrize("kind", KINDS)
def test_application_that_hangs_is_504_and_shop_answers_on(shop_with: Callable[..., TenantInfo], kind: str) -> None:
    """Fault 35: a mounted application has a time limit, with WSGI and ASGI."""
    shop = shop_with(kind)
    answer = client_of(shop).get("/app/hang")
    assert answer.status_code == 504
    assert b"took too long" in answer.content
    assert is_well(shop)
    assert client_of(shop).get("/").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_application_that_stalls_within_its_answer_is_cut_off(shop_with: Callable[..., TenantInfo], kind: str) -> None:
    """Fault 35: the limit holds for silence within an answer too."""
    shop = shop_with(kind)
    answer = client_of(shop).get("/app/stall")
    assert answer.status_code == 200
    pieces = iter(answer.streaming_content)
    assert next(pieces) == b"owner@unruly.example"
    with pytest.raises(MountTimedOut, match="MOUNTS_SECONDS"):
        next(pieces)
    answer.close()
    assert is_well(shop)


def test_application_that_hangs_is_cancelled_and_counts_no_more(shop_with: Callable[..., TenantInfo]) -> None:
    """Fault 35: what was given up is ended, where it can be."""
    shop = shop_with("asgi")
    assert client_of(shop).get("/app/hang").status_code == 504
    assert eventually(lambda: unruly.gone[shop.slug] == 1 and not running_calls.count(shop))


def test_threads_that_hang_have_a_bound_and_end_with_their_work(shop_with: Callable[..., TenantInfo]) -> None:
    """Fault 48: threads that wait have a limit. Nothing stops a thread, so what hangs is asked no more."""
    shop = shop_with("wsgi")
    before = active_count()
    with override_settings(TENANTS={**TENANTS, "MOUNTS": {"wsgi": "tests.tenants.contrib.mounts.unruly.wsgi"},
                                    "MOUNTS_SECONDS": 0.05, "PLANS": {}}):  # fmt: skip
        registry.clear()
        assert eventually(lambda: client_of(shop).get("/app/").status_code != 503)  # until it is built
        assert eventually(lambda: not running_calls.count(shop))
        statuses = [client_of(shop).get("/app/hang").status_code for _ in range(120)]
    assert statuses == [504] * 100 + [503] * 20
    assert active_count() <= before + 105
    unruly.released.set()
    assert eventually(lambda: not running_calls.count(shop))
    registry.clear()
    assert is_well(shop)


def test_loop_that_is_blocked_holds_no_other_mount(shop_with: Callable[..., TenantInfo]) -> None:
    """Fault 55: each ASGI application has an event loop to itself."""
    blocked, other = shop_with("asgi"), shop_with("asgi")
    assert client_of(blocked).get("/app/block").status_code == 504
    for _ in range(3):
        assert is_well(other)
    assert client_of(blocked).get("/app/").status_code == 504  # its own loop is blocked yet
    unruly.released.set()
    assert eventually(lambda: is_well(blocked))


@pytest.mark.parametrize("kind", KINDS)
def test_mounts_that_hang_leave_shop_a_place(
    shop_with: Callable[..., TenantInfo], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 35: of the two requests that the plan allows at once, mounts have one; others wait before they take it."""
    monkeypatch.setattr(waiting, "QUEUE_SECONDS", 1.0)
    shop = shop_with(kind)
    patient = {**TENANTS, "MOUNTS": {kind: f"tests.tenants.contrib.mounts.unruly.{kind}"}, "MOUNTS_SECONDS": 60.0}
    path = "/app/hang" if kind == "wsgi" else "/app/block"

    def ask() -> int:
        try:
            return client_of(shop).get(path).status_code
        finally:
            connections.close_all()

    with override_settings(TENANTS=patient), ThreadPoolExecutor(4) as pool:
        registry.clear()
        hanging = [pool.submit(ask) for _ in range(4)]
        try:
            assert eventually(lambda: running_calls.count(shop) == 1)
            for _ in range(3):
                assert client_of(shop).get("/").status_code == 200
                assert running_calls.count(shop) == 1
            # The others are refused after their wait.
            assert eventually(lambda: sum(each.done() for each in hanging) == 3)
            assert client_of(shop).get("/").status_code == 200
        finally:
            unruly.released.set()
        assert sorted(each.result(60) for each in hanging) == [200, 503, 503, 503]


class SlowBody(BytesIO):
    """A body of which the second half comes when it is let go."""

    def __init__(self, go: Event) -> None:
        super().__init__(b"x" * 10)
        self._go = go

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 5:
            self._go.wait(120)
        return super().read(min(5, size if size is not None and size >= 0 else 5))


def upload(shop: TenantInfo, go: Event) -> bytes:
    environ = RequestFactory(HTTP_HOST=shop.host).post("/app/size", b"x" * 10, content_type="text/plain").environ
    try:
        response = WSGIHandler()({**environ, "wsgi.input": SlowBody(go)}, lambda *_: None)
        try:
            return b"".join(response)
        finally:
            response.close()
    finally:
        connections.close_all()


def test_slow_uploads_at_mounts_hold_no_other_mount(shop_with: Callable[..., TenantInfo]) -> None:
    """Fault 55: each body is read by the thread of its request, so slow ones block no other."""
    slow = [shop_with("asgi") for _ in range(4)]
    other = shop_with("asgi")
    go = Event()
    threads = active_count()
    with ThreadPoolExecutor(8) as pool:
        uploads = [pool.submit(upload, slow[number % 4], go) for number in range(8)]
        try:
            assert eventually(lambda: sum(running_calls.count(shop) for shop in slow) == 8)
            for _ in range(10):
                assert is_well(other)
            # Eight for the uploads themselves, and a loop for each application with a thread for its database.
            assert active_count() <= threads + 8 + 5 + 5 + 2
            time.sleep(2.5)  # longer than an application may take: it is the client that is waited for
        finally:
            go.set()
        assert {each.result(60) for each in uploads} == {b"owner@unruly.example 10"}


@pytest.mark.parametrize("kind", KINDS)
def test_upload_slower_than_time_limit_arrives(shop_with: Callable[..., TenantInfo], kind: str) -> None:
    """Fault 35: the limit is for the application, and not for who sends to it."""
    shop = shop_with(kind)
    go = Event()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(upload, shop, go)
        time.sleep(2.5)
        go.set()
        assert sent.result(60) == b"owner@unruly.example 10"


@pytest.mark.parametrize("kind", KINDS)
def test_mount_asks_other_services_for_its_visitor(shop_with: Callable[..., TenantInfo], kind: str) -> None:
    """Fault 35: else an application in a mount would get around the scopes of a service."""
    shop = shop_with(kind)
    first, second = (client_of(shop).get("/app/call").getvalue() for _ in range(2))
    assert b"nobody" not in first
    assert first != second


def test_websocket_that_application_does_not_answer_is_refused(shop_with: Callable[..., TenantInfo]) -> None:
    """Fault 35: the time limit holds for the handshake of a WebSocket as well."""
    shop = shop_with("asgi")
    assert asyncio.run(Socket(shop.host, "/app/hang").say()) == [{"type": "websocket.close", "code": 1001}]
    assert eventually(lambda: unruly.gone[shop.slug] == 1)
    assert is_well(shop)


# --- Exits


@pytest.mark.parametrize("path", ["exit", "interrupt", "gravely"])
@pytest.mark.parametrize("kind", KINDS)
def test_application_that_exits_is_error_of_its_tenant(
    shop_with: Callable[..., TenantInfo], kind: str, path: str
) -> None:
    """Fault 48: SystemExit, KeyboardInterrupt and their like do not pass the border of a mount."""
    shop, other = shop_with(kind), shop_with(kind)
    assert client_of(shop).get(f"/app/{path}").status_code == 500
    assert is_well(shop)
    assert is_well(other)
    with pytest.raises(Exception, match="The application raised") as raised:
        Client(HTTP_HOST=shop.host).get(f"/app/{path}")
    assert isinstance(raised.value, ApplicationExited)


def test_application_that_exits_within_its_answer_is_error(shop_with: Callable[..., TenantInfo]) -> None:
    """Fault 48: nor does it while the body is read."""
    shop = shop_with("wsgi")
    with pytest.raises(ApplicationExited):
        client_of(shop).get("/app/exit-later").getvalue()
    assert is_well(shop)


@pytest.mark.parametrize("path", ["exit", "interrupt", "gravely", "exit-later"])
def test_application_that_exits_in_transaction_of_thread_is_error(acme: TenantInfo, mount: Mounting, path: str) -> None:
    """Fault 48: the same where it is called on the request's own thread."""
    mount(acme, "wsgi", "app")
    with pytest.raises(ApplicationExited):
        at(acme).get(f"/app/{path}").getvalue()
    assert text_of(at(acme).get("/app/")) == "owner@acme.example"


@pytest.mark.parametrize(("path", "status"), [("exit-in-task", 200), ("exit-in-thread", 500), ("stop-loop", 200)])
def test_event_loop_that_was_left_goes_on(shop_with: Callable[..., TenantInfo], path: str, status: int) -> None:
    """Fault 48: a task that exits, and a loop that is stopped, end nothing but themselves."""
    shop = shop_with("asgi")
    answer = client_of(shop).get(f"/app/{path}")
    assert answer.status_code == status
    answer.close()
    assert is_well(shop)


def test_event_loop_that_ended_begins_again(shop_with: Callable[..., TenantInfo]) -> None:
    """Fault 48: an application whose thread has ended is built again."""
    shop = shop_with("asgi")
    assert is_well(shop)
    (application,) = [one.application for one in app_cache._apps.values()]
    application._thread.end()  # type: ignore[union-attr]
    assert eventually(lambda: not application.is_alive)  # type: ignore[union-attr]
    assert is_well(shop)


@pytest.mark.parametrize("app", ["exiting_factory", "exiting_lifespan"])
def test_factory_that_exits_is_503_for_its_tenant_alone(shop_with: Callable[..., TenantInfo], app: str) -> None:
    """Fault 48: a factory and a lifespan are code of others too."""
    shop = shop_with(app)
    assert client_of(shop).get("/app/").status_code == 503
    assert client_of(shop).get("/").status_code == 200


def test_factory_that_hangs_is_503_and_waited_for_once(shop_with: Callable[..., TenantInfo]) -> None:
    """Fault 35: who comes later does not wait as long again."""
    shop = shop_with("hanging_factory")
    assert client_of(shop).get("/app/").status_code == 503
    began = time.monotonic()
    assert [client_of(shop).get("/app/").status_code for _ in range(20)] == [503] * 20
    assert time.monotonic() - began < 20  # and not a second for each


def test_factory_that_had_nothing_is_asked_again(
    acme: TenantInfo, mount: Mounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 35: a factory's "none" is not for ever."""
    monkeypatch.setattr(cache_module, "RETRY_SECONDS", 0.2)
    mount(acme, "asked_again", "app")
    assert [at(acme).get("/app/").status_code for _ in range(3)] == [404] * 3
    assert unruly.asked == ["owner@acme.example"]
    time.sleep(0.3)
    assert at(acme).get("/app/").status_code == 404
    assert len(unruly.asked) == 2


def test_application_that_left_is_closed_though_it_is_used_yet(
    shop_with: Callable[..., TenantInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 54: what is in use for ever is closed all the same after a while."""
    monkeypatch.setattr(cache_module, "RETIRED_SECONDS", 0.2)
    shop = shop_with("asgi")
    answer: Any = client_of(shop).get("/app/stall")
    (application,) = [one.application for one in app_cache._apps.values()]
    app_cache.retire(shop.id)
    assert eventually(lambda: not application.is_alive)  # type: ignore[union-attr]
    answer.close()
