"""Takes the pictures of the README: `python docs/images/take.py`, with the tools of requirements-dev.txt.

Makes a new platform in a temporary folder, serves it at PORT (default 8000), looks at it with Chromium and takes
it away again. CHROMIUM says where that is, if not at /usr/bin/chromium.
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PORT = os.environ.get("PORT", "8000")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 780}, "is_mobile": True, "has_touch": True, "device_scale_factor": 1.5}
MORE_SHOPS = 200
OPEN_MORE = f"""
from tenants.lifecycle import TenantSpec, create_tenant
for number in range(1, {MORE_SHOPS} + 1):
    create_tenant(TenantSpec(slug=f"shop-{{number:03}}"))
"""
TERMINAL = """<body style="margin:0;background:#1d1f26;width:1000px">
<pre style="margin:0;padding:24px 28px;font:15px/1.5 'DejaVu Sans Mono',monospace;color:#e6e6e6">{}</pre></body>"""


class Platform:
    """The demo in a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PORT": PORT,
            "SANGGA_DATA_DIR": str(folder),
            "SECRET_KEY": "only-for-pictures",
            "TERM": "xterm-256color",
            "COLUMNS": "96",
            "LOGNAME": "kim",  # who acts, as the audit log knows them
        }

    def manage(self, *words: str) -> str:
        """Run a command and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.environment, text=True, check=True, capture_output=True,
        )  # fmt: skip
        return done.stdout

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the demo and give the password of its users."""
        demo = subprocess.Popen([sys.executable, "manage.py", "demo"], cwd=ROOT, env=self.environment)
        try:
            _wait(address("localhost"), demo)
            yield (self.folder / "demo-password").read_text()
        finally:
            demo.terminate()
            demo.wait()

    def watched(self, *words: str) -> str:
        """Run a command in a terminal, and return its screen as it was when about two thirds were done."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.environment, stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        screens = list(_screens(ours))
        process.wait()
        return screens[len(screens) * 2 // 3]


def _screens(terminal: int) -> Iterator[str]:
    """Give what a terminal shows, line by line as it is drawn over, until the program in it ends."""
    shown = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:
            return
        shown += read
        last = shown.decode(errors="replace").rsplit("\r", 1)[-1]
        if "Migrating" in last:
            yield last


def address(host: str, path: str = "/") -> str:
    """Return the address of a page of the demo."""
    return f"http://{host}:{PORT}{path}"


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(url)  # noqa: S310  # our own address
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The demo did not start.")


def save(name: str, *shots: bytes) -> None:
    """Write pictures as one, side by side, with few colours and so in few bytes."""
    images = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    gap = 24
    width = sum(image.width for image in images) + gap * (len(images) - 1)
    sheet = Image.new("RGB", (width, max(image.height for image in images)), "white")
    left = 0
    for image in images:
        sheet.paste(image, (left, 0))
        left += image.width + gap
    path = HERE / f"{name}.png"
    sheet.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {sheet.width} x {sheet.height}, {path.stat().st_size // 1024} KiB")


def look(browser: Browser, url: str, form: dict[str, object], locale: str = "en-US") -> bytes:
    """Return what a visitor sees at `url`."""
    page = browser.new_context(locale=locale, **form).new_page()
    page.goto(url)
    return _shoot(page)


def _shoot(page: Page) -> bytes:
    page.wait_for_load_state("networkidle")
    return page.screenshot()


def _sign_in(browser: Browser, host: str, user: str, password: str) -> Page:
    page = browser.new_context(locale="en-US", **DESK).new_page()
    page.goto(address(host, "/admin/"))
    page.get_by_label("Username").fill(user)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_load_state("networkidle")
    return page


def take_storefronts(browser: Browser) -> None:
    """The shops, as shoppers see them."""
    save("storefront", look(browser, address("acme.localhost"), DESK))
    save(
        "phones",
        look(browser, address("acme.localhost", "/goods/led-high-tops/"), PHONE),
        look(browser, address("globex.localhost"), PHONE),
        look(browser, address("initech.localhost"), PHONE, "ko-KR"),
    )
    save("variant", look(browser, address("globex.localhost", "/goods/stoneware-mug/"), DESK))


def take_shop_admin(browser: Browser, password: str) -> None:
    """A shop, as its owner sees it."""
    page = _sign_in(browser, "acme.localhost", "owner@acme.example", password)
    save("shop-dashboard", _shoot(page))
    page.goto(address("acme.localhost", "/admin/goods/goods/"))
    save("shop-admin", _shoot(page))


def take_operator(browser: Browser, platform: Platform, password: str) -> None:
    """The platform, as its operator sees it: a fourth shop is opened here."""
    page = _sign_in(browser, "localhost", "operator", password)
    page.goto(address("localhost", "/admin/tenants/tenant/add/"))
    for field, value in {"name": "Corner Books", "slug": "books", "owner_email": "jo@books.example"}.items():
        page.locator(f"[name={field}]").fill(value)
    page.get_by_role("button", name="Open the shop").click()
    save("operator-shop", _shoot(page))
    platform.manage("suspend_tenant", "books", "--notice", "We are moving shelves and are back on Monday.")
    page.goto(address("localhost", "/admin/tenants/tenant/"))
    save("operator-list", _shoot(page))
    take_migrations(browser, page, platform)


def take_doors(browser: Browser) -> None:
    """An unknown host, and a suspended shop."""
    small = {"viewport": {"width": 900, "height": 560}}
    unknown = look(browser, address("unknown.localhost"), small)
    save("doors", unknown, look(browser, address("books.localhost"), small))


def take_migrations(browser: Browser, operator: Page, platform: Platform) -> None:
    """A run over many shops: in a terminal, and as the operator follows it."""
    platform.manage("shell", "-v", "0", "-c", OPEN_MORE)
    platform.manage("migrate_tenants", "auth", "0011")
    plan = platform.manage("migrate_tenants", "--plan")
    bar = platform.watched("migrate_tenants")
    prompt = "\x1b[32m$\x1b[0m manage.py migrate_tenants"
    page = browser.new_page(viewport={"width": 1000, "height": 300})
    page.set_content(TERMINAL.format(_in_html(f"{prompt} --plan\n{plan}{prompt}\n{bar}")))
    save("migration", page.locator("pre").screenshot())

    platform.manage("migrate_tenants", "auth", "0011")
    platform.manage("migrate_tenants", "--background")
    operator.set_viewport_size({"width": 1280, "height": 720})
    operator.goto(address("localhost", "/admin/tenants/operation/"))
    operator.locator("#result_list a[href*='/change/']").first.click()
    operator.wait_for_function(_HALF_DONE)
    save("operation", operator.screenshot())


_HALF_DONE = f"parseInt(document.body.innerText.match(/(\\d+) of \\d+/)?.[1]) > {MORE_SHOPS // 2}"


def _in_html(ansi: str) -> str:
    console = Console(record=True, width=96, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    for line in ansi.splitlines():
        console.print(Text.from_ansi(line), soft_wrap=True)
    return console.export_html(inline_styles=True, code_format="{code}") or escape(ansi)


def main() -> None:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        platform = Platform(Path(folder) / "data")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            with platform.served() as password:
                take_storefronts(browser)
                take_shop_admin(browser, password)
                take_operator(browser, platform, password)
                take_doors(browser)
        finally:
            browser.close()
            platform.manage("embedded_postgres", "stop")


if __name__ == "__main__":
    main()
