"""The tutorial and the examples of the documents, run step by step in a copy of the tree."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

import tenants
from shop.api.schemas.goods import GoodsFilter
from tenants import lifecycle
from tenants.contrib.devserver import embedded
from tests.ports import free_ports
from tests.tenants.contrib.devserver.conftest import discard

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "images")
PORT_IN_DOCUMENTS = 8000
CHANGING = {
    r"\d+\.\d+ ?s\b": "N s",
    r"\b[a-z0-9]{6}-[0-9a-f]{32}\b": "TOKEN",
    r"\b\d{4}-\d\d-\d\dT[\d:.]+Z": "TIME",
    r'"number": "[2-9A-Z]{5}-[2-9A-Z]{5}"': "NUMBER",
}
"""What is another text each time, and what stands for it in a comparison."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document, with the file that the line above it names, if it names one."""

    kind: str
    text: str
    file: str


def blocks_of(document: str) -> Iterator[Block]:
    """Give the fenced blocks of a document of the tree, in order; a diff without a name goes on with the last one."""
    file = ""
    text = (ROOT / document).read_text()
    for above, kind, body in re.findall(r"(?:^([^\n]*)\n\n)?^```(\w+)\n(.*?)^```$", text, flags=re.M | re.S):
        named = re.search(r"`([\w/.]+\.(?:py|toml))`:$", above)
        file = named[1] if named else file if kind == "diff" else ""
        yield Block(kind, body, file)


def steps_of(console: str) -> Iterator[tuple[str, str]]:
    """Give the commands of a console block, which go on in lines that begin with `>`, each with what it prints."""
    for command, printed in re.findall(r"^\$ (.*\n(?:> ?.*\n)*)((?:(?!\$ ).*\n)*)", console, flags=re.M):
        yield re.sub("^> ?", "", command, flags=re.M).rstrip("\n"), printed


class Clone:
    """A copy of the tree with a separate platform, to run what a document says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder.parent / "data"
        self.port = free_ports()
        self._server: subprocess.Popen[bytes] | None = None
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
        self.environment = {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            "SANGGA_DATA_DIR": str(self.data),
            "SECRET_KEY": "only-for-this-test",
        }

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            (path.parent / "__init__.py").touch()
        path.write_text(text)

    def edit(self, file: str, diff: str) -> None:
        """Put a diff in its one place, without regard to line numbers, which it has none of."""
        lines = diff.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if not line.startswith("+"))
        after = "".join(line[1:] for line in lines if not line.startswith("-"))
        text = (self.folder / file).read_text()
        assert text.count(before) == 1, f"{file} does not have this once:\n{before}"
        (self.folder / file).write_text(text.replace(before, after))

    def run(self, command: str) -> str:
        """Return what a command prints, in the order in which a terminal shows it."""
        command = command.replace(f":{PORT_IN_DOCUMENTS}/", f":{self.port}/")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder, env=self.environment, text=True, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.stdout.replace(f":{self.port}/", f":{PORT_IN_DOCUMENTS}/")

    def serve(self) -> None:
        """Serve the copy as it is now, unless it is served already."""
        if self._server is None:
            command = [sys.executable, "manage.py", "runserver", "--noreload", str(self.port)]
            self._server = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            _wait_for(self.port)

    def serve_no_more(self) -> None:
        """End the server, which knows the copy as it was."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
            self._server = None

    def follow(self, document: str) -> None:
        """Do all that a document says, and compare what its commands print."""
        for block in blocks_of(document):
            if block.kind == "diff":
                self.serve_no_more()
                self.edit(block.file, block.text)
            elif block.kind == "python" and block.file:
                self.serve_no_more()
                self.write(block.file, block.text)
            elif block.kind == "python":
                assert self.run(f"python manage.py shell -v 0 <<'CODE'\n{block.text}\nCODE") == ""
            elif block.kind == "console":
                if "$ curl" in block.text:
                    self.serve()
                self._type(block.text)

    def _type(self, console: str) -> None:
        for command, promised in steps_of(console):
            assert_same(command, promised, self.run(command))


def assert_same(command: str, promised: str, printed: str) -> None:
    """Compare line by line, in any order: shops are migrated side by side. `…` stands for any lines."""
    there, wanted = _lines(printed), _lines(promised)
    anything_else = wanted.pop("…", 0)
    assert wanted <= there, f"$ {command}\n{printed}"
    assert anything_else or wanted == there, f"$ {command}\n{printed}"


def _lines(text: str) -> Counter[str]:
    for pattern, stand_in in CHANGING.items():
        text = re.sub(pattern, stand_in, text)
    return Counter(line.rstrip() for line in text.splitlines() if line.strip())


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("The server did not answer within half a minute.")


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    made = Clone(tmp_path / "clone")
    made.run("python manage.py demo --prepare-only")
    yield made
    made.serve_no_more()
    discard(embedded(made.data / "postgres"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="The examples are commands of curl's.")
@pytest.mark.timeout(600)
def test_what_a_newcomer_is_told_to_do_can_be_done(clone: Clone) -> None:
    # In this order: the tutorial finds three shops, and the others use what it makes.
    for document in ("docs/tutorial.md", "docs/api.md", "README.md"):
        clone.follow(document)


def test_every_public_function_stands_in_the_api_with_its_signature() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    public = {name: getattr(lifecycle, name) for name in lifecycle.__all__}
    signatures = [_signature(name, value) for name, value in public.items() if inspect.isfunction(value)]
    assert [signature for signature in signatures if f"| `{signature}` |" not in text] == []
    assert [name for name in tenants.__all__ if f"| `{name}" not in text] == []
    fields_text = text.split("`TenantSpec` is the argument")[1].split("\n\n")[0]
    assert [field.name for field in fields(lifecycle.TenantSpec) if f"`{field.name}`" not in fields_text] == []


def _signature(name: str, function: Callable[..., object]) -> str:
    """Return `name(parameter, other="default") -> Type`, with `…` for a default that has no short name."""
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    text = str(signature.replace(parameters=parameters, return_annotation=signature.empty)).replace("'", '"')
    return f"{name}{re.sub('<function <lambda> at .*?>', '…', text)} -> {signature.return_annotation}"


def test_every_parameter_of_the_list_of_goods_is_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    rows = [
        f"| `{name}` | {'empty' if field.default == '' else f'`{field.default}`'} |"
        for name, field in GoodsFilter.model_fields.items()
    ]
    assert [row for row in rows if row not in text] == []


def test_every_link_and_picture_of_the_documents_is_there() -> None:
    for document in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        text = document.read_text()
        targets = re.findall(r"\]\(([^)#:]+)[)#]", text) + re.findall(r'src="([^":]+)"', text)
        assert [target for target in targets if not (document.parent / target).exists()] == [], document.name


def test_the_pictures_are_small_and_all_of_them_are_shown() -> None:
    pictures = [*(ROOT / "docs" / "images").glob("*.png")]
    sizes = [picture.stat().st_size for picture in pictures]
    assert max(sizes) < 200 * 1024
    assert sum(sizes) < 2 * 1024 * 1024
    text = (ROOT / "README.md").read_text()
    assert [picture.name for picture in pictures if f"docs/images/{picture.name}" not in text] == []
