"""Management commands: output, exit codes, and the tenant that they act for."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.isolation.app_placement import app_labels_for
from tenants.models import Tenant
from tenants.registry.lookup import tenant_by_slug
from tests.typed import Ended, Manage

OpenShop = Callable[..., TenantInfo]


@pytest.fixture
def opened(open_shop: OpenShop, manage: Manage) -> Callable[..., Ended]:
    """Return `create_tenant` as a function; what it opens is taken away after the test."""

    def create(slug: str, *words: str) -> Ended:
        ended = manage("create_tenant", slug, *words)
        with use_tenant(PLATFORM):
            made = Tenant.objects.filter(slug=slug).exists()
        if made and slug not in {"acme", "globex", "initech"}:
            created.append(slug)
        return ended

    created: list[str] = []
    yield create
    for slug in created:
        manage("delete_tenant", slug, "--yes")
        assert manage("purge_tenants", slug, "--yes").code == 0


# --- create_tenant


def test_create_tenant_opens_a_shop_and_says_where(opened: Callable[..., Ended]) -> None:
    ended = opened("typed", "--name", "Typed & Co")
    shop = tenant_by_slug("typed")
    assert ended.code == 0
    assert "Created Typed & Co: http://typed.localhost:8000/" in ended.out
    assert shop.schema in ended.out
    assert Client(HTTP_HOST=shop.host).get("/").status_code == 200


def test_create_tenant_reads_the_password_from_the_environment_and_hides_it(
    opened: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANGGA_OWNER_PASSWORD", "correct horse battery")
    ended = opened("typed", "--owner-email", "o@typed.example")
    assert ended.code == 0
    assert "correct horse" not in ended.out + ended.err
    with use_tenant(tenant_by_slug("typed")):
        assert User.objects.get(email="o@typed.example").check_password("correct horse battery")


def test_create_tenant_refuses_a_weak_password_and_opens_nothing(
    opened: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANGGA_OWNER_PASSWORD", "12345")
    ended = opened("typed", "--owner-email", "o@typed.example")
    assert ended.code == 1
    assert "password" in ended.err
    with use_tenant(PLATFORM):
        assert not Tenant.objects.filter(slug="typed").exists()


def test_create_tenant_without_a_password_prints_a_link_that_sets_it_once(opened: Callable[..., Ended]) -> None:
    ended = opened("typed", "--owner-email", "o@typed.example", "--json")
    facts = json.loads(ended.out)
    assert facts["url"] == "http://typed.localhost:8000/"
    path = facts["setup_link"].removeprefix("http://typed.localhost:8000")
    browser = Client(HTTP_HOST="typed.localhost")
    form = browser.get(path, follow=True)
    assert form.status_code == 200
    words = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    assert browser.post(form.request["PATH_INFO"], words).status_code == 302
    with use_tenant(tenant_by_slug("typed")):
        assert User.objects.get().check_password("correct horse battery")
    late = Client(HTTP_HOST="typed.localhost").get(path, follow=True)
    assert "new_password1" not in late.text
    assert "new_password1" not in Client(HTTP_HOST="acme.localhost").get(path, follow=True).text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["acme"], "Tenant 'acme' already exists"),
        (["Not A Slug"], "cannot name a tenant"),
        (["www"], "reserved"),
        (["typed", "--domain", "my_shop.example"], "is not a usable host name"),
        (["typed", "--domain", "typed.localhost"], "reserved for slugs"),
        (["typed", "--time-zone", "Moon/Tranquility"], "is not a valid time zone"),
        (["typed", "--currency", "won"], "is not a valid currency"),
    ],
)
def test_create_tenant_says_in_a_line_what_will_not_do(
    opened: Callable[..., Ended], words: list[str], reason: str
) -> None:
    ended = opened(*words)
    assert ended.code == 1
    assert reason in ended.err
    assert "Traceback" not in ended.err


# --- list_tenants


def test_list_tenants_shows_everybody(manage: Manage) -> None:
    ended = manage("list_tenants")
    assert ended.code == 0
    for word in ("acme", "globex", "initech", "이니텍", "http://acme.localhost:8000/", "up to date"):
        assert word in ended.out


def test_list_tenants_as_json_is_for_programs(manage: Manage) -> None:
    rows = {row["slug"]: row for row in json.loads(manage("list_tenants", "--json").out)}
    acme = tenant_by_slug("acme")
    assert rows["acme"] == {
        "slug": "acme",
        "name": "Acme",
        "status": "active",
        "url": "http://acme.localhost:8000/",
        "schema": acme.schema,
        "variant": "default",
        "migrations": "up to date",
    }
    assert rows["initech"]["name"] == "이니텍"


@pytest.mark.parametrize("name", ["[/bold]", "[red]sale[/red]", "[link=http://x.example]x", ":smile:"])
def test_list_tenants_shows_a_name_as_it_is(acme: TenantInfo, name: str) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=acme.id).update(name=name)
    out = StringIO()
    call_command("list_tenants", stdout=out)
    assert name in out.getvalue()


# --- suspend, resume, sign out, delete


def test_everybody_is_signed_out(live_tenant: TenantInfo, manage: Manage) -> None:
    browser = Client(HTTP_HOST=live_tenant.host)
    with use_tenant(live_tenant):
        browser.force_login(User.objects.create_superuser("kim"))
    assert browser.get("/admin/").status_code == 200
    assert "signed out" in manage("sign_out_tenant", live_tenant.slug).out
    assert browser.get("/admin/").status_code == 302


def test_suspend_and_resume_close_and_open_the_door(live_tenant: TenantInfo, manage: Manage) -> None:
    browser = Client(HTTP_HOST=live_tenant.host)
    assert "suspended" in manage("suspend_tenant", live_tenant.slug).out
    assert browser.get("/").status_code == 503
    assert "active" in manage("resume_tenant", live_tenant.slug).out
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("again", [[], ["acme"], ["Shop-x"]])
def test_delete_tenant_wants_the_slug_twice(live_tenant: TenantInfo, manage: Manage, again: list[str]) -> None:
    ended = manage("delete_tenant", live_tenant.slug, *again)
    assert ended.code == 1
    assert f"delete_tenant {live_tenant.slug} {live_tenant.slug}" in ended.err
    assert Client(HTTP_HOST=live_tenant.host).get("/").status_code == 200


@pytest.mark.parametrize("sure", ["--yes", "again"])
def test_delete_tenant_closes_a_shop_and_undelete_tenant_has_it_back(
    live_tenant: TenantInfo, manage: Manage, sure: str
) -> None:
    slug = live_tenant.slug
    assert manage("delete_tenant", slug, slug if sure == "again" else sure).code == 0
    assert Client(HTTP_HOST=live_tenant.host).get("/").status_code == 404
    assert manage("undelete_tenant", slug).code == 0
    assert Client(HTTP_HOST=live_tenant.host).get("/").status_code == 200


@pytest.mark.parametrize(
    "command", ["suspend_tenant", "resume_tenant", "sign_out_tenant", "delete_tenant", "undelete_tenant"]
)
@pytest.mark.parametrize("slug", ["nobody", "1x", "", "public", "t_1", "ACME"])
def test_unknown_slug_is_reported(manage: Manage, command: str, slug: str) -> None:
    ended = manage(command, slug)
    assert ended.code == 1
    assert repr(slug) in ended.err
    assert "list_tenants" in ended.err
    assert "Traceback" not in ended.err


# --- run_in_tenant

WHERE = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_schema(), current_user")
    print(cursor.fetchone())
"""
BROKEN = """
from tenants import current_tenant
if current_tenant().slug == "globex":
    raise KeyError
print("done")
"""


def test_run_in_tenant_runs_a_command_as_the_tenant(manage: Manage) -> None:
    acme = tenant_by_slug("acme")
    for words in (["acme", "--", "shell", "-v0", "-c", WHERE], ["acme", "shell", "-v0", "-c", WHERE]):
        ended = manage("run_in_tenant", *words)
        assert ended.code == 0
        assert f"('{acme.schema}', '{acme.role}')" in ended.out


def test_run_in_tenant_can_have_the_owners_rights(manage: Manage) -> None:
    acme = tenant_by_slug("acme")
    ended = manage("run_in_tenant", "--as-owner", "acme", "--", "shell", "-v0", "-c", WHERE)
    assert f"('{acme.schema}', '" in ended.out
    assert acme.role not in ended.out


def test_run_in_tenant_runs_a_command_as_everybody(manage: Manage) -> None:
    ended = manage("run_in_tenant", "--all", "--", "shell", "-v0", "-c", WHERE)
    assert ended.code == 0
    for slug in ("acme", "globex", "initech"):
        assert f"'{tenant_by_slug(slug).schema}'" in ended.out
        assert f"== {slug}" in ended.err


def test_run_in_tenant_runs_a_command_as_the_platform(manage: Manage) -> None:
    assert "('public', " in manage("run_in_tenant", "--platform", "--", "shell", "-v0", "-c", WHERE).out


def test_run_in_tenant_goes_on_after_a_failure_and_ends_with_an_error(manage: Manage) -> None:
    ended = manage("run_in_tenant", "--all", "--", "shell", "-v0", "-c", BROKEN)
    assert ended.code == 1
    assert ended.out.count("done") >= 2
    assert "failed for: globex" in ended.err


def test_run_in_tenant_is_not_misled_by_a_slug_that_looks_like_a_number(open_shop: OpenShop, manage: Manage) -> None:
    """The tenant with id 1, or the first one of the list, is another one."""
    one = open_shop("1")
    assert one.id != 1
    assert f"'{one.schema}'" in manage("run_in_tenant", "1", "--", "shell", "-v0", "-c", WHERE).out
    assert manage("run_in_tenant", "2", "--", "shell", "-v0", "-c", WHERE).code == 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["acme"],
        ["acme", "--"],
        ["--", "check"],
        ["acme", "globex", "--", "check"],
        ["--all", "acme", "--", "check"],
        ["--all", "--platform", "--", "check"],
        ["--all", "check"],
        ["nobody", "--", "check"],
    ],
)
def test_run_in_tenant_wants_to_know_for_whom_and_what(manage: Manage, words: list[str]) -> None:
    ended = manage("run_in_tenant", *words)
    assert ended.code == 1
    assert "Traceback" not in ended.err


def test_an_unknown_command_is_an_error(manage: Manage) -> None:
    assert manage("run_in_tenant", "acme", "--", "no_such_command").code == 1


# --- Django's own


def test_migrate_is_for_the_control_plane_and_says_so(manage: Manage) -> None:
    ended = manage("migrate")
    assert ended.code == 0
    assert "Control plane (schema public)" in ended.out
    assert "No migrations to apply" in ended.out
    assert "goods" not in ended.out


def test_migrate_of_a_shops_app_says_where_to_go(manage: Manage) -> None:
    ended = manage("migrate", "goods")
    assert ended.code == 1
    assert "migrate_tenants goods" in ended.err


def test_migrate_gives_the_control_plane_nothing_of_a_shop(acme: TenantInfo) -> None:
    call_command("migrate", verbosity=0)
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT app FROM django_migrations")
        assert {app for (app,) in cursor.fetchall()} <= app_labels_for(PLATFORM)


@pytest.mark.parametrize(
    ("words", "has", "has_not"),
    [
        (["showmigrations"], "tenants", "goods"),
        (["run_in_tenant", "acme", "--", "showmigrations"], "goods", "tenants"),
    ],
)
def test_showmigrations_shows_one_side(manage: Manage, words: list[str], has: str, has_not: str) -> None:
    ended = manage(*words)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert has in lines
    assert "auth" in lines
    assert "[X] 0001_initial" in ended.out
    assert "[ ]" not in ended.out, "nothing is shown as missing that does not belong here"
    assert has_not not in lines


def test_makemigrations_finds_nothing_left_to_write(manage: Manage) -> None:
    assert manage("makemigrations", "--check", "--dry-run").code == 0


def test_flush_empties_one_tenant_alone(open_shop: OpenShop, manage: Manage) -> None:
    one, other = open_shop(), open_shop()
    for shop in (one, other):
        with use_tenant(shop):
            Group.objects.create(name="here")
    assert manage("run_in_tenant", "--as-owner", one.slug, "--", "flush", "--no-input").code == 0
    with use_tenant(one):
        assert not Group.objects.filter(name="here").exists()
    with use_tenant(other):
        assert Group.objects.filter(name="here").exists()
    with use_tenant(PLATFORM):
        assert Tenant.objects.filter(slug=one.slug).exists()


@pytest.mark.parametrize("words", [["dumpdata", "goods"], ["dumpdata", "auth"], ["loaddata", "groups.json"]])
def test_dumpdata_and_loaddata_require_a_tenant(manage: Manage, words: list[str]) -> None:
    """Django would leave everything out, and end well."""
    ended = manage(*words)
    assert ended.code == 1
    assert "run_in_tenant" in ended.err
    assert ended.out == ""


def test_rows_are_dumped_and_loaded_as_a_tenant(open_shop: OpenShop, manage: Manage, tmp_path: Path) -> None:
    shop, file = open_shop(), tmp_path / "groups.json"
    with use_tenant(shop):
        Group.objects.all().delete()
        Group.objects.create(name="dumped")
    assert manage("run_in_tenant", shop.slug, "--", "dumpdata", "auth.group", "-o", str(file)).code == 0
    with use_tenant(shop):
        Group.objects.all().delete()
    assert manage("run_in_tenant", shop.slug, "--", "loaddata", str(file)).code == 0
    with use_tenant(shop):
        assert Group.objects.get().name == "dumped"


def test_call_command_raises_as_it_does_in_django(db: None) -> None:
    with pytest.raises(CommandError, match="Unknown tenant: 'nobody'"):
        call_command("suspend_tenant", "nobody")
