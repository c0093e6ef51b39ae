"""Commands of Django and of installed apps: their side, and their message if they cannot run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command, get_commands
from django.db.utils import OperationalError
from django.test import override_settings

from tenants import NoActiveTenant, TenantInfo, use_tenant
from tests.away import PASSWORD, database_away, database_elsewhere
from tests.typed import Manage

NEED_A_TENANT = [
    ["addstatictoken", "kim"], ["axes_list_attempts"], ["axes_reset"], ["axes_reset_failure_logs"],
    ["axes_reset_ip", "1.2.3.4"], ["axes_reset_ip_username", "1.2.3.4", "kim"], ["axes_reset_logs"],
    ["axes_reset_username", "kim"], ["clearcimdapplications"], ["clearsessions"], ["cleartokens"],
    ["createapplication", "public", "authorization-code"], ["dumpdata"], ["loaddata", "x.json"],
    ["remove_stale_contenttypes", "--no-input"],
    ["shell", "-v0", "-c", "from tenants.models import Tenant; Tenant.objects.count()"],
]  # fmt: skip
"""Commands that have to be told for whom."""
FOR_THE_CONTROL_PLANE = [
    ["inspectdb"], ["sqlflush"], ["sqlmigrate", "tenants", "0001"], ["showmigrations"],
    ["createsuperuser", "--no-input", "--username", "typed", "--email", "typed@x.example"],
]  # fmt: skip
WITHOUT_A_SIDE = [
    ["check"], ["diffsettings"], ["makemigrations", "--check", "--dry-run"], ["sqlsequencereset", "goods"],
    ["optimizemigration", "goods", "0001", "--check"], ["sendtestemail", "a@b.example"], ["createcachetable"],
]  # fmt: skip
REFUSED = [
    (["changepassword", "stranger"], "user 'stranger' does not exist"),
    (["sqlmigrate", "goods", "0001"], "run_in_tenant SLUG -- sqlmigrate goods"),
    (["sqlmigrate", "nosuch", "0001"], "No installed app with label 'nosuch'"),
    (["showmigrations", "goods"], "run_in_tenant SLUG -- showmigrations goods"),
    (["showmigrations", "nosuch"], "No installed app with label 'nosuch'"),
    (
        ["run_in_tenant", "acme", "--", "showmigrations", "tenants"],
        "run_in_tenant --platform -- showmigrations tenants",
    ),
    (["migrate", "nosuch"], "No installed app with label 'nosuch'"),
    (["squashmigrations", "goods", "9999"], "Cannot find a migration"),
    (["testserver", "x.json"], "database without tenants"),
]


@pytest.fixture
def no_users(committed: None) -> None:
    yield
    from tenants import PLATFORM

    with use_tenant(PLATFORM):
        User.objects.filter(username="typed").delete()


@pytest.mark.parametrize("words", NEED_A_TENANT, ids=lambda words: words[0])
def test_a_command_that_needs_a_tenant_says_so_in_one_line(manage: Manage, words: list[str]) -> None:
    """Fault 22: no traceback without a tenant, also for third-party commands."""
    ended = manage(*words)
    assert ended.code == 1
    assert len(ended.lines) == 1
    asked = "COMMAND" if words[0] == "shell" else words[0]
    assert f"manage.py run_in_tenant SLUG -- {asked}" in ended.err


@pytest.mark.parametrize("words", FOR_THE_CONTROL_PLANE, ids=lambda words: words[0])
def test_a_command_without_a_tenant_runs_on_the_control_plane_and_says_so(
    manage: Manage, no_users: None, words: list[str]
) -> None:
    """Fault 22."""
    ended = manage(*words)
    assert (ended.code, ended.lines) == (0, [])
    assert f"Control plane (schema public). For a tenant: manage.py run_in_tenant SLUG -- {words[0]}" in ended.err
    assert "goods_" not in ended.out


@pytest.mark.parametrize("words", WITHOUT_A_SIDE, ids=lambda words: words[0])
def test_a_command_without_rows_needs_no_tenant(manage: Manage, words: list[str]) -> None:
    """Fault 22."""
    ended = manage(*words)
    assert ended.code == 0
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("words", "reason"), REFUSED, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_a_command_that_cannot_run_here_says_where(manage: Manage, words: list[str], reason: str) -> None:
    """Fault 22."""
    ended = manage(*words)
    assert ended.code == 1
    assert reason in ended.err
    assert "Traceback" not in ended.err


def test_squashmigrations_writes_a_file_without_a_tenant(manage: Manage) -> None:
    """Fault 22."""
    written = Path("shop/goods/migrations/0001_typed.py").resolve()
    try:
        ended = manage("squashmigrations", "goods", "0001", "0002", "--no-input", "--squashed-name", "typed")
        assert (ended.code, ended.err) == (0, "")
        assert "replaces" in written.read_text()
    finally:
        written.unlink(missing_ok=True)


def test_every_command_of_an_app_that_is_not_ours_is_tried_here() -> None:
    """Fault 22: a new release of Django or of an app may bring another one."""
    ours = {"tenants", "shop.goods", "shop.demo"}
    tried = {words[0] for words in [*NEED_A_TENANT, *FOR_THE_CONTROL_PLANE, *WITHOUT_A_SIDE, *(r[0] for r in REFUSED)]}
    others = {name for name, app in get_commands().items() if app not in ours and not app.startswith("tenants.")}
    elsewhere = {"test", "startapp", "startproject", "makemessages", "compilemessages", "collectstatic", "findstatic"}
    # It tells errors itself, in a line.
    elsewhere |= {"procrastinate"}
    assert others - tried - elsewhere == set()


def test_call_command_without_a_tenant_raises_what_it_always_did(db: None) -> None:
    """Fault 22: the one line is for people; code gets the error itself."""
    with pytest.raises(NoActiveTenant):
        call_command("clearsessions")


def test_traceback_is_shown_to_who_asks_for_it(manage: Manage) -> None:
    """Fault 22."""
    with pytest.raises(NoActiveTenant):
        manage("clearsessions", "--traceback")


def test_remove_stale_contenttypes_works_in_a_tenant(live_tenant: TenantInfo, manage: Manage) -> None:
    """Fault 22: without a tenant it did nothing, and ended well."""
    with use_tenant(live_tenant):
        ContentType.objects.create(app_label="goods", model="gone")
    assert manage("run_in_tenant", live_tenant.slug, "--", "remove_stale_contenttypes", "--no-input").code == 0
    with use_tenant(live_tenant):
        assert not ContentType.objects.filter(model="gone").exists()


def test_sqlmigrate_shows_a_tenants_migration_in_a_tenant(manage: Manage) -> None:
    """Fault 22."""
    ended = manage("run_in_tenant", "acme", "--", "sqlmigrate", "goods", "0001")
    assert ended.code == 0
    assert 'CREATE TABLE "goods_goods"' in ended.out


@override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}})
def test_createcachetable_is_refused_where_it_would_do_nothing(manage: Manage) -> None:
    """Fault 22."""
    ended = manage("createcachetable")
    assert (ended.code, len(ended.lines)) == (1, 1)
    assert "tenants.E013" in ended.err


# --- A database that is away

MEET_THE_DATABASE = [
    ["list_tenants"], ["create_tenant", "typed"], ["migrate"], ["migrate_tenants"], ["migrate_tenants", "--check"],
    ["show_tenant_migrations"], ["verify_tenants"], ["reconcile_tenants"], ["purge_tenants"], ["clear_tokens"],
    ["suspend_tenant", "acme"], ["backup_tenant", "acme", "x.tar"], ["run_in_tenant", "acme", "--", "shell", "-c", "1"],
    ["check_isolation"], ["report_api_usage"],
    ["createsuperuser", "--no-input", "--username", "kim", "--email", "k@x.example"],
    ["changepassword", "kim"], ["showmigrations"],
    ["inspectdb"], ["sqlflush"], ["flush", "--no-input"], ["sqlmigrate", "tenants", "0001"],
    ["squashmigrations", "goods", "0002"], ["check", "--database", "default"], ["export_goods", "acme", "x.csv"],
]  # fmt: skip


@pytest.mark.parametrize("pool", [None, {"min_size": 0, "max_size": 4, "timeout": 60}], ids=["alone", "pool"])
@pytest.mark.parametrize("words", MEET_THE_DATABASE, ids=" ".join)
def test_a_database_that_is_away_is_one_line(manage: Manage, words: list[str], pool: dict[str, int] | None) -> None:
    """Fault 22: 169 lines, and ten seconds of waiting with a pool."""
    with database_away(pool=pool):
        ended = manage(*words)
    assert ended.code == 1
    assert len(ended.lines) == 1, ended.err
    assert "the database does not answer" in ended.err
    assert "Connection refused" in ended.err
    assert "DATABASE_URL" in ended.err
    assert PASSWORD not in ended.out + ended.err


def test_a_database_that_is_not_there_is_one_line(manage: Manage) -> None:
    """Fault 22: the server is there, the database is not."""
    with database_elsewhere(NAME="no_such_database"):
        ended = manage("list_tenants")
    assert (ended.code, len(ended.lines)) == (1, 1)
    assert 'database "no_such_database" does not exist' in ended.err


def test_call_command_raises_the_databases_own_error(committed: None, open_tenant: Callable[..., TenantInfo]) -> None:
    """Fault 22."""
    tenant = open_tenant()
    with database_away(), use_tenant(tenant), pytest.raises(OperationalError):
        call_command("axes_reset", verbosity=0)
