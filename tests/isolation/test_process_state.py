"""State of Python that one tenant's code changes, for the thread or the process, is restored for the next."""

from __future__ import annotations

import decimal
import importlib
import locale
import logging
import os
import random
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils import timezone, translation

from tenants import PLATFORM, TenantInfo, active_tenant, use_tenant
from tenants.context import Block, innermost, leave, serve
from tenants.isolation.patches.process_state import restored_process_state
from tenants.tasks.tenant_jobs import run_job, tenant_job
from tenants.threads import run_in_threads

TENANT = TenantInfo(id=1, slug="one", schema="t_1", time_zone="Asia/Seoul")
OTHER = TenantInfo(id=2, slug="two", schema="t_2", time_zone="Europe/Paris")
actions: list[Callable[[], object]] = []


def do(request: HttpRequest) -> HttpResponse:
    answers = [action() for action in actions]
    return HttpResponse(repr(answers))


async def do_async(request: HttpRequest) -> HttpResponse:
    return do(request)


def where() -> str:
    return f"{translation.get_language()} {timezone.get_current_timezone_name()} {decimal.getcontext().prec}\n"


def stream(request: HttpRequest) -> StreamingHttpResponse:
    decimal.getcontext().prec = 50
    translation.activate("ko")

    def body() -> Iterator[str]:
        for _ in range(3):
            yield where()

    return StreamingHttpResponse(body())


def stream_with_its_own(request: HttpRequest) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        with decimal.localcontext() as context, translation.override("ko"), timezone.override("Asia/Tokyo"):
            context.prec = 7
            for _ in range(3):
                yield where()
        yield where()

    return StreamingHttpResponse(body())


urlpatterns = [
    path("do/", do),
    path("do-async/", do_async),
    path("stream/", stream),
    path("own/", stream_with_its_own),
]


@pytest.fixture
def pages(settings: Any) -> Iterator[None]:
    with override_settings(TENANTS={**settings.TENANTS, "TENANT_URLCONF": __name__}):
        yield
    actions.clear()


def ask(tenant: TenantInfo, address: str, *action: Callable[[], object]) -> str:
    actions[:] = action
    response = Client(HTTP_HOST=tenant.host).get(address)
    assert response.status_code == 200
    return response.getvalue().decode() if response.streaming else response.content.decode()


def set_precision() -> None:
    decimal.getcontext().prec = 3
    decimal.getcontext().rounding = decimal.ROUND_UP
    decimal.getcontext().traps[decimal.Inexact] = True


def arithmetic() -> object:
    context = decimal.getcontext()
    return context.prec, context.rounding, context.traps[decimal.Inexact]


PLAIN = [(28, decimal.ROUND_HALF_EVEN, False)]


@pytest.mark.parametrize("address", ["/do/", "/do-async/"])
def test_decimal_context_of_one_request_is_not_the_nexts(
    pages: None, acme: TenantInfo, globex: TenantInfo, address: str
) -> None:
    """Fault 56: on the same thread, synchronous and asynchronous views."""
    before = repr(decimal.getcontext())
    ask(acme, address, set_precision)
    assert ask(globex, address, arithmetic) == ask(acme, address, arithmetic) == repr(PLAIN)
    assert repr(decimal.getcontext()) == before


@async_to_sync
async def _ask_async(tenants: list[TenantInfo], address: str) -> list[bytes]:
    answers = []
    for tenant, action in zip(tenants, (set_precision, arithmetic), strict=True):
        actions[:] = [action]
        answers.append((await AsyncClient().get(address, headers={"x-forwarded-host": tenant.host})).content)
    return answers


@pytest.mark.parametrize("address", ["/do/", "/do-async/"])
def test_decimal_context_under_asgi_is_the_requests(
    pages: None, acme: TenantInfo, globex: TenantInfo, address: str
) -> None:
    """Fault 56: one loop, and one thread for what is synchronous, serve all tenants."""
    decimal.getcontext()  # it is there before the loop copies the context of this thread
    with override_settings(USE_X_FORWARDED_HOST=True):  # the client sends a Host of its choice
        answers = _ask_async([acme, globex], address)
    assert answers[1].decode() == repr(PLAIN)


def test_decimal_context_that_a_thread_has_got_used_to_is_not_a_requests(pages: None, acme: TenantInfo) -> None:
    with decimal.localcontext(decimal.Context(prec=5)):
        assert ask(acme, "/do/", arithmetic) == repr(PLAIN)
        assert decimal.getcontext().prec == 5


def test_default_decimal_context_changed_by_a_tenant_reaches_no_request(
    pages: None, acme: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decimal.DefaultContext, "prec", 4)
    assert ask(acme, "/do/", arithmetic) == repr(PLAIN)


def test_decimal_context_of_a_block_begins_as_a_copy_and_ends_with_it() -> None:
    """Jobs, commands and operations enter blocks: what is set around them holds inside, and nothing gets out."""
    with decimal.localcontext(decimal.Context(prec=11)):
        with use_tenant(TENANT):
            assert decimal.getcontext().prec == 11
            decimal.getcontext().prec = 3
            with use_tenant(OTHER):
                assert decimal.getcontext().prec == 3
                decimal.setcontext(decimal.Context(prec=2))
            assert decimal.getcontext().prec == 3
        assert decimal.getcontext().prec == 11


def test_decimal_context_of_a_late_generator_is_not_put_back_elsewhere() -> None:
    def inside() -> Iterator[None]:
        with use_tenant(TENANT):
            yield

    begun = inside()
    next(begun)
    context = innermost.get()
    assert context is not None
    leave(context)
    with decimal.localcontext(decimal.Context(prec=9)):
        begun.close()
        assert decimal.getcontext().prec == 9


def test_decimal_context_of_threads_is_each_its_own(committed: None) -> None:
    def change(number: int) -> int:
        decimal.getcontext().prec = number
        return decimal.getcontext().prec

    with use_tenant(TENANT):
        before = decimal.getcontext().prec
        assert run_in_threads(change, range(3, 20)) == list(range(3, 20))
        assert decimal.getcontext().prec == before


# --- Streamed bodies


def test_a_streamed_body_has_the_language_and_arithmetic_of_its_request(pages: None, acme: TenantInfo) -> None:
    assert ask(acme, "/stream/") == f"ko {acme.time_zone} 50\n" * 3
    assert decimal.getcontext().prec == 28


def test_what_a_streamed_body_activates_holds_until_it_puts_it_back(pages: None, acme: TenantInfo) -> None:
    lines = ask(acme, "/own/").splitlines()
    assert lines[:3] == ["ko Asia/Tokyo 7"] * 3
    assert lines[3] == f"{acme.language} {acme.time_zone} 28"


# --- The process


def read_environment() -> object:
    return os.environ.get("SANGGA_TEST_STATE")


CHANGES: dict[str, tuple[Callable[[Path], object], Callable[[], object]]] = {
    "working directory": (os.chdir, Path.cwd),
    "working directory by number": (lambda folder: os.fchdir(os.open(folder, os.O_RDONLY)), Path.cwd),
    "new variable": (lambda _: os.environ.update(SANGGA_TEST_STATE="x"), read_environment),
    "variable taken away": (lambda _: os.environ.pop("HOME", None), lambda: os.environ.get("HOME")),
    "variable in bytes": (lambda _: os.environb.update({b"SANGGA_TEST_STATE": b"y"}), read_environment),
    "timeout of sockets": (lambda _: socket.setdefaulttimeout(0.5), socket.getdefaulttimeout),
    "locale": (lambda _: locale.setlocale(locale.LC_NUMERIC, "C.UTF-8"), lambda: locale.setlocale(locale.LC_ALL)),
    "recursion limit": (lambda _: sys.setrecursionlimit(5000), sys.getrecursionlimit),
    "warnings": (lambda _: warnings.simplefilter("error", ResourceWarning), lambda: list(warnings.filters)),
    "all warnings": (lambda _: warnings.resetwarnings(), lambda: list(warnings.filters)),
    "silence": (lambda _: logging.disable(logging.WARNING), lambda: logging.root.manager.disable),
}


@pytest.fixture
def outside() -> Iterator[None]:
    """Restore everything after the code under test."""
    folder, variables, timeout = Path.cwd(), dict(os.environ), socket.getdefaulttimeout()
    places, silence = locale.setlocale(locale.LC_ALL), logging.root.manager.disable
    depth, filters = sys.getrecursionlimit(), list(warnings.filters)
    locale.setlocale(locale.LC_ALL, "C")
    yield
    os.chdir(folder)
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
    socket.setdefaulttimeout(timeout)
    locale.setlocale(locale.LC_ALL, places)
    logging.disable(silence)
    sys.setrecursionlimit(depth)
    warnings.filters[:] = filters  # type: ignore[index]


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_request_changes_of_the_process_is_put_back(
    pages: None, acme: TenantInfo, tmp_path: Path, outside: None, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    """Fault 56: the next request finds it as it was, and the log names the tenant."""
    set_it, read = CHANGES[change]
    before = read()
    seen: list[object] = []
    ask(acme, "/do/", lambda: set_it(tmp_path), lambda: seen.append(read()))
    assert seen != [before]
    assert read() == before
    assert [(record.levelname, record.tenant) for record in caplog.records] == [("ERROR", "acme")]  # type: ignore[attr-defined]
    assert "Code of acme changed" in caplog.text


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_job_changes_of_the_process_is_put_back(tmp_path: Path, outside: None, change: str) -> None:
    set_it, read = CHANGES[change]
    before = read()
    with pytest.raises(KeyError), use_tenant(TENANT), restored_process_state():
        set_it(tmp_path)
        assert read() != before
        raise KeyError
    assert read() == before


def test_what_a_project_changes_outside_requests_stays(tmp_path: Path, outside: None) -> None:
    """The control: commands, settings and tests change what they like."""
    for set_it, _ in CHANGES.values():
        set_it(tmp_path)
    with use_tenant(TENANT):
        os.chdir("/")
    assert Path.cwd() == Path("/")
    assert read_environment() == "y"
    assert socket.getdefaulttimeout() == 0.5


def test_what_other_code_has_changed_since_is_left_alone(tmp_path: Path, outside: None) -> None:
    block = serve(TENANT, None)
    os.environ["SANGGA_TEST_STATE"] = "of the request"
    thread = Thread(target=os.environ.update, kwargs={"SANGGA_TEST_STATE": "of the project"})
    thread.start()
    thread.join()
    leave(block)
    assert read_environment() == "of the project"


def test_what_a_library_changes_when_it_is_imported_stays(
    tmp_path: Path, outside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request that needs a library imports it: what that sets is for the whole process."""
    name = "sangga_test_library"
    (tmp_path / f"{name}.py").write_text("import os\nos.environ['SANGGA_TEST_STATE'] = 'of a library'\n")
    monkeypatch.syspath_prepend(tmp_path)
    block = serve(TENANT, None)
    importlib.import_module(name)
    leave(block)
    del sys.modules[name]
    assert read_environment() == "of a library"


def test_warnings_caught_in_a_request_are_as_they_were_before_it(outside: None, caplog: Any) -> None:
    before = list(warnings.filters)
    block = serve(TENANT, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
    leave(block)
    assert list(warnings.filters) == before
    assert caplog.records == []


def test_what_cannot_be_put_back_ends_the_request_all_the_same(
    pages: None, acme: TenantInfo, tmp_path: Path, outside: None, caplog: pytest.LogCaptureFixture
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    ask(acme, "/do/", lambda: os.chdir(tmp_path), gone.rmdir)
    assert "could not be restored" in caplog.text
    assert active_tenant() is None


def test_a_seed_that_a_request_sets_is_not_the_nexts(pages: None, acme: TenantInfo, globex: TenantInfo) -> None:
    """Fault 56: values of `random` in another tenant are not predictable."""
    state = random.getstate()
    ask(acme, "/do/", lambda: random.seed(7))
    first = random.random()
    ask(acme, "/do/", lambda: random.seed(7))
    assert random.random() != first
    random.setstate(state)


def test_two_requests_at_once_leave_the_process_as_it_was(tmp_path: Path, outside: None) -> None:
    """They overlap: the second begins while the first has changed it, and ends after it."""
    before, begun, ended = Path.cwd(), Event(), Event()

    def first() -> None:
        block = serve(TENANT, None)
        os.chdir(tmp_path)
        begun.set()
        ended.wait(60)
        leave(block)

    thread = Thread(target=first)
    thread.start()
    begun.wait(60)
    block: Block = serve(OTHER, None)
    ended.set()
    thread.join()
    leave(block)
    assert Path.cwd() == before


@tenant_job
def spoil() -> None:
    os.environ["SANGGA_TEST_STATE"] = "of a job"
    set_precision()


def test_a_worker_forgets_what_a_job_has_changed(outside: None) -> None:
    """Fault 56: one process does the jobs of all tenants."""
    run_job(tenant=PLATFORM.id, job=spoil.path, arguments={})
    assert read_environment() is None
    assert arithmetic() == PLAIN[0]
