"""Commands and servers of a project that names apps whose packages are not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distribution.environments import Environment

SETTINGS = """
import tenants
BASE_DIR, SECRET_KEY, ROOT_URLCONF, USE_TZ = None, "x" * 50, "project.urls", True
INSTALLED_APPS = [f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions")]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
WSGI_APPLICATION = "project.wsgi.application"
MEDIA_ROOT = "/nowhere"
tenants.configure(globals(), database_url="postgresql://nobody@127.0.0.1:1/nothing")
"""
WSGI = """
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
MANAGE = """
import os, sys
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
execute_from_command_line(sys.argv)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    for name, text in {"__init__": "", "settings": SETTINGS, "urls": "urlpatterns = []", "wsgi": WSGI}.items():
        (tmp_path / "project" / f"{name}.py").write_text(text)
    (tmp_path / "manage.py").write_text(MANAGE)
    return tmp_path


def add(project: Path, line: str) -> None:
    with (project / "project" / "settings.py").open("a") as file:
        file.write(f"{line}\n")


def test_check_of_a_minimal_project_finds_nothing(bare: Environment, project: Path) -> None:
    done = bare.run("python", "manage.py", "check", "--fail-level", "WARNING", folder=project)
    assert done.stdout == "System check identified no issues (0 silenced).\n"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (
            'INSTALLED_APPS += ["tenants.contrib.oauth"]',
            "tenants.contrib.oauth in INSTALLED_APPS failed: the package ninja",
        ),
        ('INSTALLED_APPS += ["tenants.contrib.tasks"]', "tasks in INSTALLED_APPS failed: the package procrastinate"),
        ('INSTALLED_APPS += ["unfold"]', "unfold in INSTALLED_APPS failed: the package unfold"),
        (
            'MIDDLEWARE += ["tenants.contrib.admin.content_security_policy.ContentSecurityPolicyMiddleware"]',
            "ContentSecurityPolicyMiddleware in MIDDLEWARE failed: the package unfold",
        ),
        (
            'AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend"]',
            "axes.backends.AxesStandaloneBackend in AUTHENTICATION_BACKENDS failed: the package axes",
        ),
        (
            'PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]',
            "Argon2PasswordHasher in PASSWORD_HASHERS failed: the package argon2",
        ),
    ],
)
@pytest.mark.parametrize("command", ["check", "runserver --noreload 127.0.0.1:1"])
def test_missing_package_of_a_setting_is_one_line(
    bare: Environment, project: Path, line: str, named: str, command: str
) -> None:
    add(project, line)
    done = bare.run("python", "manage.py", *command.split(), folder=project, check=False)
    (only,) = done.stderr.splitlines()
    assert named in only
    assert 'is not installed. Run: pip install "sangga[' in only
    assert only.endswith("(tenants.E031)")
    assert done.returncode == 1


def test_server_names_the_extra_and_no_module(bare: Environment, project: Path) -> None:
    add(project, 'INSTALLED_APPS += ["tenants.contrib.api"]')
    script = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'project.settings'; import project.wsgi"
    done = bare.run("python", "-c", script, folder=project, check=False)
    assert done.stderr.count("\n") == 1
    assert 'pip install "sangga[api]"' in done.stderr


def test_wrong_argument_of_configure_is_one_line(bare: Environment, project: Path) -> None:
    add(project, "tenants.configure({})")
    done = bare.run("python", "manage.py", "check", folder=project, check=False)
    (only,) = done.stderr.splitlines()
    assert only.startswith("tenants.configure failed: DATABASES['default'] is not PostgreSQL (no ENGINE).")
    assert done.returncode == 1


def test_error_in_the_thread_of_runserver_is_one_line(bare: Environment, project: Path) -> None:
    code = (
        "import threading; from tenants.errors import MissingExtra; from tenants.extras import *\n"
        "error = MissingExtra('x', 'y', 'z'); print_as_one_line(error)\n"
        "def fail(): raise error\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()"
    )
    done = bare.run("python", "-c", code, folder=project)
    assert done.stderr == 'x failed: the package y is not installed. Run: pip install "sangga[z]" (tenants.E031)\n'


def test_job_without_procrastinate_names_the_extra(bare: Environment, project: Path) -> None:
    code = "from tenants import *; from tenants.tasks.tenant_jobs import tenant_job; tenant_job(len).defer()"
    done = bare.run("python", "manage.py", "tenant_shell", "--platform", "-c", code, folder=project, check=False)
    assert done.stderr.splitlines() == [
        "CommandError: Deferring builtins.len failed: the package procrastinate is not installed. "
        'Run: pip install "sangga[tasks]" (tenants.E031)'
    ]
    assert done.returncode == 1


def test_middleware_that_cannot_be_imported_is_found_by_check(bare: Environment, project: Path) -> None:
    add(project, 'MIDDLEWARE += ["project.missing.Middleware"]')
    done = bare.run("python", "manage.py", "check", folder=project, check=False)
    assert "(tenants.E032) MIDDLEWARE has project.missing.Middleware, which cannot be imported" in done.stderr
    assert done.returncode == 1


def test_commands_of_apps_that_are_not_installed_are_not_listed(bare: Environment, project: Path) -> None:
    listed = bare.run("python", "manage.py", "help", "--commands", folder=project).stdout.split()
    assert {"create_tenant", "tenant_shell", "show_tenant_settings"} <= set(listed)
    of_contrib = {
        "embedded_postgres",
        "run_gateway",
        "service_key",
        "clear_tokens",
        "reset_second_factor",
        "run_worker",
    }
    assert of_contrib & set(listed) == set()
