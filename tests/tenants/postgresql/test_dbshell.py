"""`dbshell`: a real psql with the search path and role of the active tenant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from psycopg.conninfo import make_conninfo

from tenants import PLATFORM, TenantInfo, use_tenant
from tests.away import PASSWORD, database_elsewhere
from tests.typed import Manage

WHERE = "SELECT current_schemas(false), current_user"


@pytest.fixture
def psql(committed: None, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs statements in `dbshell` and returns the output."""

    def run(*statements: str) -> str:
        file = tmp_path / "said"
        call_command("dbshell", "--", "-At", f"--output={file}", *(f"--command={text}" for text in statements))
        return file.read_text().strip()

    return run


@pytest.fixture
def login(committed: None) -> str:
    return str(connection.get_connection_params()["user"])


def test_dbshell_of_a_tenant_has_its_path_and_its_role(live_tenant: TenantInfo, psql: Callable[..., str]) -> None:
    """It was a shell on `public` as the owner."""
    with use_tenant(live_tenant):
        assert psql(WHERE) == f"{{{live_tenant.schema},extensions}}|{live_tenant.role}"


def test_dbshell_of_a_tenant_keeps_both_over_a_reconnect(live_tenant: TenantInfo, psql: Callable[..., str]) -> None:
    """psql's `\\connect` begins another session."""
    with use_tenant(live_tenant):
        assert psql("\\connect", WHERE).splitlines()[-1] == f"{{{live_tenant.schema},extensions}}|{live_tenant.role}"


def test_dbshell_of_a_tenant_cannot_read_the_control_plane(live_tenant: TenantInfo, psql: Callable[..., str]) -> None:
    with use_tenant(live_tenant), pytest.raises(CommandError, match="returned non-zero exit status"):
        psql("SELECT * FROM public.tenants_tenant")


def test_dbshell_as_the_owner_is_the_login_in_the_tenants_path(
    live_tenant: TenantInfo, psql: Callable[..., str], login: str
) -> None:
    with use_tenant(live_tenant.as_owner()):
        assert psql(WHERE) == f"{{{live_tenant.schema},extensions}}|{login}"


@pytest.mark.parametrize("active", [None, PLATFORM], ids=["no tenant", "platform"])
def test_dbshell_without_a_tenant_is_the_control_planes(
    psql: Callable[..., str], login: str, active: TenantInfo | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints that, except with an explicit PLATFORM."""
    if active:
        with use_tenant(active):
            assert psql(WHERE) == f"{{public,extensions}}|{login}"
    else:
        assert psql(WHERE) == f"{{public,extensions}}|{login}"
    assert ("Control plane (schema public)" in capsys.readouterr().err) == (active is None)


def test_dbshell_through_run_in_tenant_is_the_tenants(manage: Manage, tmp_path: Path) -> None:
    file = tmp_path / "said"
    words = ["run_in_tenant", "acme", "--", "dbshell", "--", "-At", f"--output={file}", "--command", WHERE]
    ended = manage(*words)
    assert ended.code == 0
    assert "== acme" in ended.err
    assert file.read_text().startswith("{t_")


def test_dbshell_has_the_options_of_the_settings_as_well(live_tenant: TenantInfo, psql: Callable[..., str]) -> None:
    """`OPTIONS["options"]` applies as to Django's connections."""
    options = {**connection.settings_dict["OPTIONS"], "options": "-c work_mem=7MB"}
    with pytest.MonkeyPatch.context() as patch, use_tenant(live_tenant):
        patch.setitem(connection.settings_dict, "OPTIONS", options)
        assert psql("SHOW work_mem", WHERE) == f"7MB\n{{{live_tenant.schema},extensions}}|{live_tenant.role}"


def test_dbshell_goes_past_a_pooler(live_tenant: TenantInfo, psql: Callable[..., str]) -> None:
    """A pooler would refuse the search path, or share the session."""
    params = connection.get_connection_params()
    direct = make_conninfo("", **{key: params[key] for key in ("host", "port", "user") if params.get(key)})
    options = {**connection.settings_dict["OPTIONS"], "direct": direct}
    with database_elsewhere(HOST="127.0.0.1", PORT="1", USER="nobody", PASSWORD=PASSWORD):
        connection.settings_dict["OPTIONS"] = {**options, "pool": False}
        with use_tenant(live_tenant):
            assert psql(WHERE) == f"{{{live_tenant.schema},extensions}}|{live_tenant.role}"
