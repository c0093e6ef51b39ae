"""Projects of other libraries, made by their released code, move to Sangga and back: tests/moving."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.db import connection

from tenants.lifecycle.backup.pg_programs import find_program, server_version
from tests.acceptance.test_worker import database_url
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
MOVING = ROOT / "tests" / "moving"
SCHEMAS = 30


@dataclass(kw_only=True)
class Project:
    """A project in its own database, run by its own processes."""

    library: str
    database: str
    folder: Path
    bindir: Path
    user: str
    """The owner of the database, who is not a superuser, and whose password is the name."""

    @property
    def url(self) -> str:
        return url_of(self.database, self.user)

    def environment(self, settings: str = "project.with_sangga") -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "DJANGO", "SANGGA"))}
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": settings,
            "DATABASE_URL": self.url,
            "MOVING_MEDIA": str(self.folder / "media"),
            "PG_BINDIR": str(self.bindir),
            "PYTHONPATH": f"{ROOT}:{MOVING}",
            "PYTHONWARNINGS": "ignore",
        }

    def run(self, *words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=MOVING,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done

    def manage(self, *words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        return self.run("manage.py", *words, fails=fails)

    def adopt(self, *words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        return self.manage("adopt_schemas", *OPTIONS[self.library], *words, fails=fails)

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as session:
            return session.execute(query.encode()).fetchall()

    def value(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def program(self, name: str, *words: str, **options: Any) -> str:
        done = subprocess.run(
            [str(self.bindir / name), *words], capture_output=True, text=True, timeout=280, check=False, **options
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def served(self) -> Iterator[Browser]:
        """Serve the project over HTTP inside the block."""
        process = subprocess.Popen(
            [sys.executable, "serve.py"], cwd=MOVING, env=self.environment(), stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            yield Browser(int(process.stdout.readline()))
        finally:
            process.terminate()
            process.communicate(timeout=60)


@dataclass
class Browser:
    port: int

    def ask(self, host: str, path: str = "/", cookie: str = "", **form: str) -> tuple[int, str, str]:
        """Return the status, the body and the session's cookie of an answer; with a form, of a POST."""
        server = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Host": host, "Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        server.request("POST" if form else "GET", path, urlencode(form) or None, headers)
        answer = server.getresponse()
        body = answer.read().decode(errors="replace")
        server.close()
        return answer.status, body, (answer.getheader("Set-Cookie") or "").partition(";")[0]

    def signs_in(self, host: str, password: str) -> Any:
        """Return what the front page says after signing in as `owner`; None if that was refused."""
        status, _, cookie = self.ask(host, "/login/", username="owner", password=password)
        return json.loads(self.ask(host, cookie=cookie)[1]) if status == 204 else None


no_release_yet = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="django-pgschemas has no release for Django 6.1, with which 3.13 is tested"
)
OPTIONS = {
    "django_tenants": ("--from", "django-tenants"),
    # It keeps content types in schema public alone, as its own check W002 asks.
    "django_pgschemas": ("--from", "django-pgschemas", "--copy", "contenttypes"),
    "plain": ("--single", "acme", "--move", "shop_receipts"),
}


def url_of(database: str, user: str) -> str:
    return re.sub(r"//[^@]*@", f"//{user}:{user}@", database_url(database))


MakeProject = Callable[[str], Project]


@pytest.fixture(scope="module")
def templates(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeProject]:
    """Return a function that gives a library's project, which the library makes once for all tests."""
    made: dict[str, Project] = {}
    with django_db_blocker.unblock():
        bindir = find_program("pg_dump", at_least=server_version()).parent

        def make(library: str) -> Project:
            if library not in made:
                name = f"moving_{library}_{secrets.token_hex(4)}"
                folder = tmp_path_factory.mktemp(library)
                (folder / "media").mkdir()
                user = f"owner_of_{name}"
                execute(f"CREATE ROLE {user} LOGIN CREATEROLE CREATEDB PASSWORD '{user}'")
                execute(f"CREATE DATABASE {name} OWNER {user}")
                made[library] = Project(library=library, database=name, folder=folder, bindir=bindir, user=user)
                made[library].run("make.py", library)
            return made[library]

        yield make
        for project in made.values():
            execute(f"DROP DATABASE {project.database} WITH (FORCE)")
            execute(f"DROP ROLE {project.user}")


@pytest.fixture
def make_project(templates: MakeProject, tmp_path: Path, committed: None) -> Iterator[MakeProject]:
    """Return a function that makes a project of a library, for one test."""
    made: list[str] = []

    def make(library: str) -> Project:
        template = templates(library)
        name = f"moving_{secrets.token_hex(4)}"
        folder = tmp_path / name
        shutil.copytree(template.folder, folder)
        execute(f"CREATE DATABASE {name} TEMPLATE {template.database} OWNER {template.user}")
        made.append(name)
        return replace(template, database=name, folder=folder)

    yield make
    for name in made:
        execute(f"DROP DATABASE {name} WITH (FORCE)")
        with a_session() as server:
            roles = server.execute("SELECT rolname FROM pg_roles WHERE rolname ~ %s", [f"^{name}_t_"]).fetchall()
        if roles:
            execute(f"DROP ROLE {', '.join(role for (role,) in roles)}")


def a_session() -> psycopg.Connection[Any]:
    """Return a session of the server's, in no database of ours."""
    return psycopg.connect(**connection.get_connection_params() | {"dbname": "postgres"}, autocommit=True)


def execute(statement: str) -> None:
    with a_session() as server:
        server.execute(statement.encode())


def old_schemas(project: Project) -> list[str]:
    return [name for (name,) in project.rows("SELECT nspname FROM pg_namespace WHERE nspname ~ '^shop_' ORDER BY 1")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("library", ["django_tenants", pytest.param("django_pgschemas", marks=no_release_yet)])
def test_library_project_moves_with_accounts_rows_files_and_domains(make_project: MakeProject, library: str) -> None:
    project = make_project(library)
    before = old_schemas(project)
    dry = project.adopt("--dry-run")
    assert f"{SCHEMAS} schemas can be adopted. Nothing was changed." in dry.stdout
    assert "shop_3: shop-3.moving.example www.shop3.example (primary)" in dry.stdout
    assert len(before) == SCHEMAS
    assert old_schemas(project) == before

    assert f"{SCHEMAS} schemas were adopted" in project.adopt().stdout
    assert old_schemas(project) == []
    _migrate_and_verify(project, SCHEMAS)
    with project.served() as browser:
        for number in (2, 3, 30):
            host = f"www.shop{number}.example" if number % 3 == 0 else f"shop-{number}.moving.example"
            own = browser.signs_in(host, f"password of shop_{number}")
            assert own == {"user": "owner", "goods": [f"shop_{number} {each}" for each in range(3)]}
            assert browser.signs_in(host, "password of shop_1") is None
        assert browser.ask("shop-3.moving.example")[0] == 308
    _assert_lives_on(project)
    assert f"{SCHEMAS} were adopted by earlier runs" in project.adopt().stdout


def _migrate_and_verify(project: Project, number: int) -> None:
    done = project.run("several.py", "migrate_tenants", "verify_tenants")
    assert f"{number} migrated, 0 failed" in done.stdout
    assert f"All {number} schemas are correct" in done.stdout


def _assert_lives_on(project: Project) -> None:
    """Clone an adopted tenant, back it up and restore it, with its file."""
    file = project.folder / "shop-2.tar"
    done = project.run(
        "several.py",
        "clone_tenant shop-2 copy",
        f"backup_tenant shop-2 {file}",
        f"restore_tenant {file} --slug restored",
        "reconcile_tenants",
    )
    assert "No problems found" in done.stdout
    for slug in ("shop-2", "copy", "restored"):
        schema = project.value(f"SELECT 't_' || id FROM tenants_tenant WHERE slug = '{slug}'")
        assert project.value(f"SELECT count(*) FROM {schema}.shop_named") == 3
        picture = project.value(f"SELECT picture FROM {schema}.shop_goods WHERE picture <> ''")
        assert (project.folder / "media" / schema / picture).read_text() == "picture of shop_2"


@pytest.mark.timeout(600)
def test_killed_adoption_leaves_whole_schemas_and_next_run_finishes(make_project: MakeProject) -> None:
    project = make_project("django_tenants")
    words = [sys.executable, "manage.py", "adopt_schemas", *OPTIONS["django_tenants"]]
    process = subprocess.Popen(words, cwd=MOVING, env=project.environment(), stdout=subprocess.DEVNULL)
    there = "SELECT to_regclass('public.tenants_tenant') IS NOT NULL"
    assert eventually(lambda: project.value(there) and project.value("SELECT count(*) FROM tenants_tenant") > 3)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    assert eventually(
        lambda: project.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") < 2
    )

    adopted = project.value("SELECT count(*) FROM tenants_tenant")
    assert adopted + len(old_schemas(project)) == SCHEMAS
    assert project.value("SELECT count(*) FROM tenants_schemastate") == adopted
    done = project.adopt()
    assert f"{adopted} were adopted by earlier runs" in done.stdout
    assert f"{SCHEMAS - adopted} schemas were adopted" in done.stdout
    _migrate_and_verify(project, SCHEMAS)
    owned = project.rows("SELECT 't_' || id, replace(slug, '-', '_') FROM tenants_tenant")
    for schema, name in owned:
        assert (project.folder / "media" / schema / "pictures" / "mug.txt").read_text() == f"picture of {name}"


@pytest.mark.timeout(600)
def test_adopted_tenant_goes_back_to_its_old_library_by_pg_dump(make_project: MakeProject) -> None:
    project, old = make_project("django_tenants"), make_project("django_tenants")
    project.adopt("shop_2")
    schema = project.value("SELECT 't_' || id FROM tenants_tenant WHERE slug = 'shop-2'")
    assert len(old_schemas(project)) == SCHEMAS - 1
    between = f"{project.database}_back"
    execute(f"CREATE DATABASE {between} OWNER {old.user}")
    try:
        dump = project.program("pg_dump", "--no-owner", "--no-acl", f"--schema={schema}", project.url)
        quietly = ("-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull)
        project.program("psql", *quietly, url_of(between, old.user), input=dump)
        with psycopg.connect(url_of(between, old.user), autocommit=True) as session:
            session.execute(f"ALTER SCHEMA {schema} RENAME TO shop_2".encode())
        plain = project.program("pg_dump", "--no-owner", "--no-acl", "--schema=shop_2", url_of(between, old.user))
        with psycopg.connect(old.url, autocommit=True) as session:
            session.execute(b"DROP SCHEMA shop_2 CASCADE")
        project.program("psql", *quietly, old.url, input=plain)
    finally:
        execute(f"DROP DATABASE {between} WITH (FORCE)")
    facts = json.loads(old.run("read_back.py", "shop_2").stdout)
    assert facts == {
        "goods": ["shop_2 0", "shop_2 1", "shop_2 2", "made later"],
        "tags": [3],
        "owner": "owner",
    }


@pytest.mark.timeout(600)
def test_single_project_becomes_first_tenant_and_no_user_operator(make_project: MakeProject) -> None:
    project = make_project("plain")
    refused = project.manage("adopt_schemas", "--single", "acme", fails=True)
    assert "the sequence shop_receipts belongs to no app. Decide: --move 'shop_receipts'" in refused.stderr
    tables = project.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    assert "moved to tenant acme (schema t_1)" in project.adopt().stdout
    _migrate_and_verify(project, 1)
    assert "was adopted as acme by an earlier run" in project.adopt().stdout
    assert project.value("SELECT count(*) FROM public.auth_user") == 0
    assert project.value("SELECT count(*) FROM pg_tables WHERE schemaname = 't_1'") == tables
    assert (project.folder / "media" / "t_1" / "pictures" / "mug.txt").read_text() == "picture of single"
    with project.served() as browser:
        own = browser.signs_in("acme.moving.example", "password of single")
        assert own == {"user": "owner", "goods": [f"single {number}" for number in range(3)]}
        assert browser.signs_in("moving.example", "password of single") is None
