"""docs/quickstart.md, done literally in a new environment, with the embedded PostgreSQL and with Debian's."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import psycopg
import pytest

from tenants.contrib.devserver import EmbeddedPostgres
from tests.architecture.test_readme import Block, assert_same, blocks_of, steps_of
from tests.distribution.environments import ROOT, WHEELS, Environment, skip_without
from tests.ports import free_ports
from tests.tenants.contrib.devserver.conftest import discard

DOCUMENT = "docs/quickstart.md"
TEXT = (ROOT / DOCUMENT).read_text()
OWN_SERVER = "## With your own PostgreSQL\n"
DEBIAN = Path("/usr/lib/postgresql/15/bin")
SETTINGS = "teams/settings.py"
PORT = "8000"
MOST_LINES_OF_SETTINGS = 12


class Page(NamedTuple):
    status: int
    headers: Message
    body: str


class Reader:
    """A reader of the document, with an empty folder and a terminal."""

    def __init__(self, folder: Path, wheel: Path, database_url: str) -> None:
        self.folder = folder / "teams"
        self.folder.mkdir()
        self.database_url = database_url
        self.port = free_ports()
        self.server: subprocess.Popen[str] | None = None
        (folder / "bin").mkdir()
        (folder / "bin" / "python3").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
        environment = Environment(self.folder / ".venv")
        self.variables = {
            **environment.variables,
            "PATH": os.pathsep.join([str(environment.folder / "bin"), str(folder / "bin"), os.environ["PATH"]]),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_FIND_LINKS": f"{WHEELS} {wheel.parent}",
            "PIP_NO_INDEX": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def follow(self, blocks: list[Block]) -> None:
        for block in blocks:
            if block.kind == "python":
                self.write(block)
            elif block.kind == "console":
                for command, promised in steps_of(block.text):
                    self.type(command, promised)

    def write(self, block: Block) -> None:
        path = self.folder / block.file
        if block.file != SETTINGS:
            path.write_text(block.text)
            return
        assert len(block.text.splitlines()) <= MOST_LINES_OF_SETTINGS
        text = block.text.replace('"embedded"', repr(self.database_url)) if self.database_url else block.text
        path.write_text(path.read_text() + "\n" + text)

    def type(self, command: str, promised: str) -> None:
        if command.startswith("pip install") and self.database_url:
            command = re.search(r"`(pip install sangga .*?)`", TEXT)[1]  # type: ignore[index]
        if command == "python manage.py runserver":
            self.serve(promised)
            return
        done = subprocess.run(
            ["bash", "-c", self._with_port(command)],
            cwd=self.folder, env=self.variables, text=True, timeout=240,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        if promised or not command.startswith("pip install"):
            assert_same(command, promised, done.stdout.replace(f":{self.port}/", f":{PORT}/"))

    def serve(self, promised: str) -> None:
        """Start the server, and wait for what it promises to print."""
        self.server = subprocess.Popen(
            ["python", "manage.py", "runserver", str(self.port)],
            cwd=self.folder, env=self.variables, text=True, start_new_session=True,
            executable=str(self.folder / ".venv" / "bin" / "python"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        missing = {self._with_port(line) for line in promised.splitlines() if line != "…"}
        printed = []
        for line in self.server.stdout or ():
            printed.append(line)
            missing.discard(line.rstrip("\n"))
            if not missing:
                return
        pytest.fail(f"The server ended, and had not printed {missing}:\n{''.join(printed)}")

    def stop(self) -> None:
        if self.server:
            os.killpg(self.server.pid, signal.SIGTERM)
            self.server.communicate()

    def can_log_in(self, host: str, username: str, password: str) -> bool:
        """Return whether Django's admin at a host takes a password, as a browser sends it."""
        page = self._request("GET", host)
        cookie = str(page.headers["Set-Cookie"]).partition(";")[0]
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": username, "password": password, "next": "/admin/"}
        return self._request("POST", host, urlencode(form), cookie).status == 302

    def _request(self, method: str, host: str, body: str | None = None, cookie: str = "") -> Page:
        headers = {"Host": f"{host}:{self.port}", "Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request(method, "/admin/login/", body, headers)
            response = connection.getresponse()
            return Page(response.status, response.headers, response.read().decode())

    def _with_port(self, text: str) -> str:
        return text.replace(f":{PORT}/", f":{self.port}/")


@pytest.fixture(params=["embedded", "debian"])
def reader(
    request: pytest.FixtureRequest, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    if request.param == "embedded":
        server = EmbeddedPostgres(tmp_path / "teams" / ".sangga" / "postgres")
        url = ""
    else:
        skip_without(DEBIAN.exists(), f"{DEBIAN} does not exist. Install Debian's postgresql-15")
        monkeypatch.setenv("PG_BINDIR", str(DEBIAN))
        server = EmbeddedPostgres(tmp_path / "server")
        url = _database_of_the_document(server)
    made = Reader(tmp_path, wheel, url)
    yield made
    made.stop()
    discard(server)


def _database_of_the_document(server: EmbeddedPostgres) -> str:
    """Run the SQL of the document, and return its URL with the address of the server."""
    statements = next(block.text for block in blocks_of(DOCUMENT) if block.kind == "sql")
    address = server.start()
    with psycopg.connect(host=address.host, port=address.port, user=address.user, dbname="postgres") as session:
        session.autocommit = True
        assert str(session.info.server_version).startswith("15")
        for statement in statements.split(";\n"):
            session.execute(statement.encode())
    named = re.search(r'^\+ +database_url="(.*)",$', TEXT, flags=re.M)
    assert named
    return named[1].replace("localhost:5432", "").replace("?", "&") + f"?host={quote(address.host, safe='')}"


@pytest.mark.skipif(os.name != "posix", reason="the commands are a shell's")
@pytest.mark.timeout(600)
def test_quickstart_followed_literally_serves_two_tenants(reader: Reader) -> None:
    started = time.monotonic()
    before, _, _ = TEXT.partition(OWN_SERVER)
    blocks = [block for block in blocks_of(DOCUMENT) if block.text in before]
    reader.follow(blocks)
    print(f"quickstart: {time.monotonic() - started:.1f} s")
    assert reader.can_log_in("acme.localhost", "ann@acme.example", "open-sesame-1")
    assert not reader.can_log_in("globex.localhost", "ann@acme.example", "open-sesame-1")
    assert not reader.can_log_in("localhost", "ann@acme.example", "open-sesame-1")
    done = subprocess.run(
        ["bash", "-c", "pip check && python manage.py check --fail-level WARNING --database default"],
        cwd=reader.folder, env=reader.variables, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
