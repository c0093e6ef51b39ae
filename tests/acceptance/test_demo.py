"""`make demo` at a terminal: started, killed, started again, used and stopped."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tenants.contrib.devserver import embedded
from tests.tenants.contrib.devserver.conftest import discard

ROOT = Path(__file__).resolve().parents[2]


class Platform:
    """A data folder of its own, and the commands that work in it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.environment = {
            **os.environ,
            "SANGGA_DATA_DIR": str(folder),
            "PORT": str(port),
            "SECRET_KEY": "only-for-this-test",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        process = self.start(*words)
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
        return output

    def get(self, host: str, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        connection.request("GET", path, headers={"Host": f"{host}:{self.port}"})
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body

    def wait_until_it_answers(self, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[0]
            try:
                self.get("localhost", "/")
            except OSError:
                time.sleep(0.05)
            else:
                return
        pytest.fail("The demo did not answer within a minute.")


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    yield Platform(tmp_path / "data", port)
    discard(embedded(tmp_path / "data" / "postgres"))


@pytest.mark.timeout(900)
def test_killed_at_any_moment_and_run_again_it_ends_well(platform: Platform) -> None:
    chance = random.Random(7)
    for _ in range(5):
        process = platform.start("demo", "--prepare-only")
        try:
            process.wait(timeout=chance.uniform(0.5, 4))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    platform.run("demo", "--prepare-only")
    assert "Opening" not in platform.run("demo", "--prepare-only")
    shops = json.loads(platform.run("list_tenants", "--json"))
    assert [shop["slug"] for shop in shops] == ["acme", "globex", "initech"]
    assert {shop["migrations"] for shop in shops} == {"up to date"}
    count = "from shop.goods.models import Goods; print(Goods.objects.count())"
    counts = platform.run("run_in_tenant", "--all", "--", "shell", "--no-imports", "-c", count)
    assert [int(line) >= 20 for line in counts.splitlines() if line.isdigit()] == [True] * 3


@pytest.mark.timeout(600)
def test_a_demo_from_before_variants_gets_them_once(platform: Platform) -> None:
    platform.run("demo", "--prepare-only")
    for slug in ("globex", "initech"):
        platform.run("set_variant", slug, "default")
    forget = "from tenants.models import AuditEvent as A; A.objects.filter(action='variant').delete()"
    platform.run("run_in_tenant", "--platform", "--", "shell", "--no-imports", "-c", forget)
    assert "Globex Home gets the variant customer_a" in platform.run("demo", "--prepare-only")
    shops = json.loads(platform.run("list_tenants", "--json"))
    assert [shop["variant"] for shop in shops] == ["default", "customer_a", "grocer"]
    platform.run("set_variant", "globex", "default")
    assert "gets the variant" not in platform.run("demo", "--prepare-only"), "what an operator has chosen stays"


def test_it_serves_three_shops_and_ctrl_c_leaves_nothing_running(platform: Platform) -> None:
    process = platform.start("demo")
    platform.wait_until_it_answers(process)
    for slug in ("acme", "globex", "initech"):
        status, body = platform.get(f"{slug}.localhost", "/api/v1/goods")
        assert status == 200
        assert json.loads(body)["count"] >= 20
    assert platform.get("nobody.localhost", "/")[0] == 404
    assert 'name="username"' in platform.get("localhost", "/admin/login/")[1]
    others = psutil.Process(process.pid).children(recursive=True)
    assert any("run_worker" in other.cmdline() for other in others)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert not any(other.is_running() for other in others)
    assert "http://acme.localhost" in output
    assert not embedded(platform.folder / "postgres").is_running()


def test_port_in_use_is_reported(platform: Platform) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", platform.port))
        taken.listen()
        process = platform.start("demo")
        output, _ = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "PORT=" in output
