"""A shop on a real server, and a browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tenants import TenantInfo

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PATIENCE = 60_000
"""Milliseconds until a page has to show what the test waits for."""
DESK = {"viewport": {"width": 1280, "height": 860}}


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Log nothing: a browser requests a hundred files."""


@pytest.fixture
def address_of(committed: None) -> Iterator[Callable[[TenantInfo], str]]:
    """Serve the project on a free port and return a function that gives a tenant's address there."""
    with ThreadedWSGIServer(("127.0.0.1", 0), _Quiet) as server:
        server.set_app(get_wsgi_application())
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield lambda tenant: f"http://{tenant.host}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def browser(address_of: Callable[[TenantInfo], str]) -> Callable[..., object]:
    """Return a function that opens a page in a new browser context: `with browser(**options) as page`.

    No query may be made inside the block: Playwright runs an event loop there, in which Django refuses the database.
    """
    if not CHROMIUM.exists():
        reason = f"There is no browser at {CHROMIUM}. Install chromium, or say where it is: CHROMIUM=/path/to/chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)

    @contextmanager
    def page(**options: object) -> Iterator[Page]:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            with chromium:
                yield _strict_page(chromium, options)

    return page


def _strict_page(chromium: Browser, options: dict[str, object]) -> Page:
    """Return a page on which a script error fails the test. Its timeout is long, for a busy machine."""
    page = chromium.new_context(**{"locale": "en-US", **options}).new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)

    def fail(error: Error) -> None:
        raise AssertionError(f"A script failed on {page.url}: {error}")

    page.on("pageerror", fail)
    return page
