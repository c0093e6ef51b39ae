"""Background operations in the operator's admin: permissions, start, and the page with the progress."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from tenants.context import TenantInfo, use_tenant
from tenants.lifecycle import delete_tenant
from tenants.models import AuditEvent, Operation, SchemaState, Tenant
from tenants.tasks import start_operation

Browser = Callable[..., Client]

OF_ALL = ["migrate-behind", "check", "restore"]
OF_ONE = ["purge", "clone", "backup"]


def url_of(name: str, tenant: TenantInfo | None = None) -> str:
    return f"/admin/tenants/tenant/{f'{tenant.id}/' if tenant else ''}{name}/"


def page_of(operation: Operation, name: str = "change") -> str:
    return f"/admin/tenants/operation/{operation.pk}/{name}/"


def only_operation() -> Operation:
    return Operation.objects.get()


def leave_behind(tenant: TenantInfo) -> None:
    SchemaState.objects.filter(tenant_id=tenant.id).update(fingerprint="older")


@pytest.fixture
def running(office: None, acme: TenantInfo) -> Operation:
    """A running migration of many tenants, with an error that contains markup."""
    operation = start_operation("migrate")
    failure = {"slug": "acme", "tenant": acme.id, "error": "OSError: <script>alert(1)</script>"}
    operation.state = Operation.State.RUNNING
    operation.started_at = timezone.now()
    operation.done, operation.total = 1200, 2400
    operation.report = {
        "migrated": 1199,
        "failed": 1,
        "locked": 0,
        "failures": [failure],
        "last": [{"slug": "globex", "failed": False, "applied": 2, "seconds": 0.04}],
        "rate": 60.0,
    }
    operation.save()
    return operation


@pytest.fixture
def backups(tmp_path: Path, settings: Any) -> Path:
    """The folder of backups, with one file in it."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "acme-20260102-030405.tar").touch()
    (folder / "notes.txt").touch()
    settings.TENANTS = {**settings.TENANTS, "BACKUP_DIR": str(folder)}
    return folder


# --- Starting


def test_button_migrates_all_outdated_tenants_and_shows_the_progress(browser: Client, acme: TenantInfo) -> None:
    leave_behind(acme)
    for page in ("/admin/", "/admin/tenants/tenant/"):
        assert url_of("migrate-behind") in browser.get(page).content.decode()
    answer = browser.post(url_of("migrate-behind"))
    operation = only_operation()
    assert (operation.kind, operation.slug, operation.asked_by) == ("migrate", "", "operator mia")
    assert answer["Location"] == page_of(operation)
    assert "Migrate tenants" in browser.get(answer["Location"]).content.decode()


def test_migrate_button_is_missing_if_no_tenant_is_behind(browser: Client, acme: TenantInfo) -> None:
    for page in ("/admin/", "/admin/tenants/tenant/"):
        assert url_of("migrate-behind") not in browser.get(page).content.decode()


def test_purging_now_asks_for_the_slug_letter_by_letter(browser: Client, acme: TenantInfo) -> None:
    delete_tenant("acme")
    assert url_of("purge", acme) in browser.get(url_of("change", acme)).content.decode()
    assert "Purge Acme now?" in browser.get(url_of("purge", acme)).content.decode()
    browser.post(url_of("purge", acme), {"slug": "Acme"})
    assert not Operation.objects.exists()
    browser.post(url_of("purge", acme), {"slug": "acme"})
    assert (only_operation().kind, only_operation().slug) == ("purge", "acme")


def test_a_tenant_that_is_not_deleted_is_not_purged(browser: Client, acme: TenantInfo) -> None:
    assert url_of("purge", acme) not in browser.get(url_of("change", acme)).content.decode()
    answer = browser.post(url_of("purge", acme), {"slug": "acme"}, follow=True)
    assert "Delete it first" in answer.content.decode()
    assert not Operation.objects.exists()


def test_cloning_asks_for_a_free_slug(browser: Client, acme: TenantInfo) -> None:
    assert url_of("clone", acme) in browser.get(url_of("change", acme)).content.decode()
    for slug, reason in {"globex": "already exists", "admin": "cannot name", "Not a slug": "cannot name"}.items():
        assert reason in browser.post(url_of("clone", acme), {"new_slug": slug}).content.decode()
    assert not Operation.objects.exists()
    browser.post(url_of("clone", acme), {"new_slug": "acme-2", "name": "Acme Two", "anonymize": "on"})
    assert only_operation().arguments == {"new_slug": "acme-2", "name": "Acme Two", "anonymize": True}


def test_backing_up_begins_with_one_button(browser: Client, acme: TenantInfo, backups: Path) -> None:
    assert url_of("backup", acme) in browser.get(url_of("change", acme)).content.decode()
    browser.post(url_of("backup", acme))
    assert (only_operation().kind, only_operation().slug) == ("backup", "acme")


def test_without_a_folder_for_backups_none_is_made(browser: Client, acme: TenantInfo, settings: Any) -> None:
    settings.TENANTS = {**settings.TENANTS, "BACKUP_DIR": ""}
    assert "BACKUP_DIR" in browser.post(url_of("backup", acme), follow=True).content.decode()
    assert url_of("restore") not in browser.get("/admin/tenants/tenant/").content.decode()
    assert not Operation.objects.exists()


def test_restoring_takes_a_file_from_the_folder_of_backups_and_no_other(
    browser: Client, acme: TenantInfo, backups: Path
) -> None:
    page = browser.get(url_of("restore")).content.decode()
    assert "acme-20260102-030405.tar" in page
    assert "notes.txt" not in page
    for file in ("/etc/passwd", str(backups / "notes.txt"), str(backups / ".." / "acme.tar")):
        browser.post(url_of("restore"), {"file": file, "slug": "acme-2"})
    assert not Operation.objects.exists()
    file = str(backups / "acme-20260102-030405.tar")
    browser.post(url_of("restore"), {"file": file, "slug": "acme-2"})
    assert only_operation().slug == "acme-2"
    assert only_operation().arguments == {"file": file, "over": False}


def test_restoring_over_a_shop_takes_one_that_is_there(browser: Client, acme: TenantInfo, backups: Path) -> None:
    file = str(backups / "acme-20260102-030405.tar")
    browser.post(url_of("restore"), {"file": file, "slug": "acme"})
    browser.post(url_of("restore"), {"file": file, "slug": "nobody", "over": "on"})
    assert not Operation.objects.exists()
    browser.post(url_of("restore"), {"file": file, "slug": "acme", "over": "on"})
    assert only_operation().arguments["over"] is True


def test_what_was_started_stands_among_what_the_operator_did_last(browser: Client) -> None:
    browser.post(url_of("migrate-behind"))
    page = browser.get("/admin/").content.decode()
    assert page_of(only_operation()) in page
    assert "Started." in page


# --- Following


def test_the_page_shows_how_far_it_is_how_fast_and_what_failed(browser: Client, running: Operation) -> None:
    page = browser.get(page_of(running)).content.decode()
    for words in ("Running", "1,200 of 2,400", "60 per second", "about 20 seconds remaining", "globex", "2 migrations"):
        assert words in page
    assert '<progress class="operator-progress" max="2400" value="1200"' in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_the_page_brings_its_script_as_a_file_and_works_without_it(browser: Client, running: Operation) -> None:
    page = browser.get(page_of(running)).content.decode()
    assert re.search(r'<script src="/static/tenants/operation.js" defer></script>', page)
    assert f'data-follow="{page_of(running, "progress")}"' in page
    assert '<noscript><meta http-equiv="refresh"' in page


def test_a_finished_operation_is_not_followed_any_more(browser: Client, running: Operation) -> None:
    running.state = Operation.State.FAILED
    running.error = "1 tenants could not be migrated"
    running.finished_at = timezone.now()
    running.save()
    page = browser.get(page_of(running)).content.decode()
    assert "data-follow=" not in page
    assert "operation.js" not in page
    assert "1 tenants could not be migrated" in page
    assert "took 0 seconds" in page


def test_the_script_gets_the_figures_and_the_same_panel(browser: Client, running: Operation) -> None:
    answer = browser.get(page_of(running, "progress"))
    facts = answer.json()
    assert (facts["state"], facts["done"], facts["total"], facts["is_finished"]) == ("running", 1200, 2400, False)
    assert "1,200 of 2,400" in facts["html"]
    assert "<script>" not in facts["html"]
    assert "no-store" in answer["Cache-Control"]


def test_operation_without_a_worker_says_so(browser: Client) -> None:
    operation = start_operation("migrate")
    assert "manage.py run_worker" in browser.get(page_of(operation)).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert "manage.py run_worker" not in browser.get(page_of(operation)).content.decode()


def test_an_operation_of_a_kind_that_is_gone_can_still_be_looked_at(browser: Client, running: Operation) -> None:
    Operation.objects.update(kind="teleport", report={})
    assert "teleport" in browser.get(page_of(running)).content.decode()
    assert "teleport" in browser.get("/admin/tenants/operation/").content.decode()


def test_the_list_tells_what_who_and_how_far_and_is_searched_by_tenant(browser: Client, running: Operation) -> None:
    start_operation("purge", "hooli")
    page = browser.get("/admin/tenants/operation/").content.decode()
    for words in ("Migrate tenants", "Purge a tenant: hooli", "1,200 of 2,400", "code"):
        assert words in page
    found = browser.get("/admin/tenants/operation/?q=hooli").content.decode()
    assert "Purge a tenant: hooli" in found
    assert "1,200 of 2,400" not in found
    assert "hooli" not in browser.get("/admin/tenants/operation/?kind=migrate").content.decode()


def test_operations_are_read_only(browser: Client, running: Operation) -> None:
    assert browser.get("/admin/tenants/operation/add/").status_code == 403
    assert browser.post(page_of(running, "delete"), {"post": "yes"}).status_code == 403
    browser.post(page_of(running), {"state": "done"})
    assert Operation.objects.get(pk=running.pk).state == "running"


def test_unknown_operation_is_reported(browser: Client) -> None:
    assert "doesn’t exist" in browser.get("/admin/tenants/operation/77777/change/", follow=True).content.decode()
    assert browser.get("/admin/tenants/operation/77777/progress/").status_code == 404


# --- Rights


def test_who_may_not_change_tenants_is_refused_at_every_door(
    browser_of: Browser, acme: TenantInfo, running: Operation, backups: Path
) -> None:
    browser = browser_of("view_tenant", "add_tenant", "delete_tenant", "view_operation")
    delete_tenant("acme")
    paths = [
        "/admin/tenants/operation/",
        page_of(running),
        page_of(running, "progress"),
        *(url_of(name) for name in OF_ALL),
        *(url_of(name, acme) for name in OF_ONE),
    ]
    for path in paths:
        posted = browser.post(path, {"slug": "acme", "new_slug": "acme-2", "file": str(backups / "x.tar")})
        assert posted.status_code == 403, path
    for path in paths[:3]:
        assert browser.get(path).status_code == 403, path
    assert list(Operation.objects.all()) == [running]


@pytest.mark.parametrize(("name", "lacking"), [("purge", "delete"), ("clone", "add"), ("restore", "delete")])
def test_changing_alone_is_not_enough_where_tenants_come_or_go(
    browser_of: Browser, acme: TenantInfo, name: str, lacking: str
) -> None:
    rights = {"view_tenant", "change_tenant", "add_tenant", "delete_tenant"} - {f"{lacking}_tenant"}
    path = url_of(name) if name in OF_ALL else url_of(name, acme)
    browser = browser_of(*rights)
    assert browser.get(path).status_code == 403
    assert browser.post(path, {"slug": "acme", "new_slug": "acme-2"}).status_code == 403


def test_who_may_only_look_at_tenants_is_offered_no_long_work(browser_of: Browser, acme: TenantInfo) -> None:
    leave_behind(acme)
    browser = browser_of("view_tenant")
    pages = [
        browser.get(path).content.decode() for path in ("/admin/", "/admin/tenants/tenant/", url_of("change", acme))
    ]
    for words in ("migrate-behind", "/restore/", "/clone/", "/backup/", "/admin/tenants/operation/"):
        assert not any(words in page for page in pages), words


def test_a_stranger_is_asked_to_sign_in(office: None, running: Operation) -> None:
    stranger = Client(HTTP_HOST="localhost")
    for path in (page_of(running), page_of(running, "progress"), url_of("migrate-behind")):
        assert "/admin/login/" in stranger.get(path)["Location"]


@pytest.mark.parametrize("name", ["migrate-behind", "backup"])
def test_what_begins_at_once_is_begun_by_no_link(browser: Client, acme: TenantInfo, name: str) -> None:
    path = url_of(name) if name in OF_ALL else url_of(name, acme)
    assert browser.get(path).status_code == 405


def test_a_shops_host_has_none_of_these_doors(office: None, acme: TenantInfo, running: Operation) -> None:
    with use_tenant(acme):
        client = Client(HTTP_HOST=acme.host)
        client.force_login(User.objects.get())
    urls = [*(url_of(name) for name in OF_ALL), *(url_of(name, acme) for name in OF_ONE)]
    for path in [page_of(running), page_of(running, "progress"), *urls]:
        assert client.get(path).status_code == 404, path
        assert client.post(path).status_code == 404, path


# --- The audit log


def test_the_audit_log_is_read_and_searched(browser: Client, acme: TenantInfo) -> None:
    delete_tenant("acme")
    page = browser.get("/admin/tenants/auditevent/?q=acme").content.decode()
    assert "delete" in page
    assert "purge after" in page
    assert "globex" not in page
    event = AuditEvent.objects.latest("id")
    assert browser.get(f"/admin/tenants/auditevent/{event.pk}/change/").status_code == 200


def test_audit_log_is_read_only(browser: Client, acme: TenantInfo) -> None:
    event = AuditEvent.objects.latest("id")
    base = f"/admin/tenants/auditevent/{event.pk}"
    assert browser.get("/admin/tenants/auditevent/add/").status_code == 403
    assert browser.post(f"{base}/delete/", {"post": "yes"}).status_code == 403
    assert browser.post(f"{base}/change/", {"actor": "nobody"}).status_code == 403
    assert AuditEvent.objects.filter(pk=event.pk, actor=event.actor).exists()


def test_who_has_no_right_to_the_audit_log_does_not_see_it(browser_of: Browser, acme: TenantInfo) -> None:
    browser = browser_of("view_tenant", "change_tenant")
    assert browser.get("/admin/tenants/auditevent/").status_code == 403
    assert "auditevent" not in browser.get("/admin/tenants/tenant/").content.decode()


def test_rights_on_the_queues_own_tables_are_not_offered(browser: Client, operator: User) -> None:
    page = browser.get(f"/admin/auth/user/{operator.pk}/change/").content.decode()
    assert "Can view operation" in page
    assert "procrastinate" not in page


def test_the_tenants_row_is_not_touched_by_asking(browser: Client, acme: TenantInfo) -> None:
    before = Tenant.objects.filter(pk=acme.id).values().get()
    browser.post(url_of("clone", acme), {"new_slug": "acme-2"})
    assert Tenant.objects.filter(pk=acme.id).values().get() == before
    assert not Tenant.objects.filter(slug="acme-2").exists()
