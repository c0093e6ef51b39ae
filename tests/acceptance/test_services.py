"""`make services` at a terminal: a gateway, a process for each service, and no process left afterwards."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from shop.demo.services import PROCESSES, SERVICES
from tenants.contrib.devserver import embedded
from tests.ports import free_ports
from tests.tenants.contrib.devserver.conftest import discard
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
OWNER = "owner@acme.example"
SECONDS = 120
"""That a busy machine may take to start five processes and a database."""


class Services:
    """A separate data folder and consecutive free ports."""

    def __init__(self, folder: Path, first_port: int) -> None:
        self.folder = folder
        self.first_port = first_port
        environment = {"SANGGA_DATA_DIR": str(folder), "PORT": str(first_port), "SECRET_KEY": "only-for-this-test"}
        # In a separate session, as in a terminal: its Ctrl-C does not reach the tests.
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "services"],
            cwd=ROOT, env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, *, at: int = 0, **headers: str
    ) -> tuple[int, str]:
        """Ask the gateway, or one of those behind it by the number of its port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.first_port + at, timeout=180)
        try:
            host = {"Host": f"acme.localhost:{self.first_port}"}
            connection.request(method, path, body, {**host, **headers})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def answers(self, path: str) -> bool:
        """Tell whether a path is there already; fail where the platform has ended."""
        assert self.process.poll() is None, self.process.communicate()[0]
        try:
            return self.ask(path)[0] == 200
        except OSError:
            return False

    def token(self) -> str:
        """Return what the shop's own password is changed into, at `auth`."""
        form = {"username": OWNER, "password": (self.folder / "demo-password").read_text().strip()}
        status, body = self.ask(
            "/api/token", "POST", urlencode(form), **{"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert status == 200, body
        token: str = json.loads(body)["access_token"]
        return token


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    started = Services(tmp_path / "data", free_ports(PROCESSES))
    try:
        yield started
    finally:
        if started.process.poll() is None:
            for one in (*psutil.Process(started.process.pid).children(recursive=True), started.process):
                one.kill()
            started.process.communicate()
        discard(embedded(started.folder / "postgres"))


@pytest.mark.timeout(300)
def test_services_are_one_building_and_ctrl_c_ends_all_of_them(services: Services) -> None:
    for path in ("/.well-known/openid-configuration", "/api/v1/goods", "/stock/", "/example/"):
        assert eventually(lambda: services.answers(path), seconds=SECONDS), path  # noqa: B023  # it is called at once

    bearer = {"Authorization": f"Bearer {services.token()}"}
    assert json.loads(services.ask("/api/protected", **bearer)[1])["username"] == OWNER
    status, goods = services.ask("/api/v1/goods", **bearer)
    assert (status, json.loads(goods)["count"] >= 20) == (200, True)

    # The example knows no address: its `GET /` calls other-service with the caller's identity and shop.
    said = json.loads(services.ask("/example/", **bearer)[1])["other-service"]
    assert said["shop"] == "acme"
    assert said["asked_by"] not in {"", "a stranger"}
    assert json.loads(services.ask("/example/")[1])["other-service"]["asked_by"] == "a stranger"

    assert services.ask("/api/v1/goods", Authorization="Bearer a.b.c")[0] == 401
    # A request that bypasses the gateway is refused.
    assert {services.ask("/", at=number)[0] for number in range(1, len(SERVICES) + 1)} == {403}

    others = psutil.Process(services.process.pid).children(recursive=True)
    services.process.send_signal(signal.SIGINT)
    output, _ = services.process.communicate(timeout=600)
    assert services.process.returncode == 0, output
    assert "Traceback" not in output
    assert eventually(lambda: not any(other.is_running() for other in others))
    assert not embedded(services.folder / "postgres").is_running()
