"""Invalid arguments and settings are refused with a clear message, and nothing is done."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.services.models import Service
from tenants.errors import ConfigurationError, TenantNotFound
from tenants.lifecycle import TenantSpec, create_tenant, delete_tenant, purge_tenant, undelete_tenant
from tenants.models import Tenant
from tests.typed import Manage

NO_NUMBERS = [
    *(["migrate_tenants", f"--jobs={value}"] for value in ("0", "-1", "1001", "two", "1.5", "nan", "")),
    *(["migrate_tenants", f"--canary={value}"] for value in ("-1", "x", "nan")),
    *(["migrate_tenants", f"--max-failures={value}"] for value in ("-1", "x")),
    *(["migrate_tenants", f"--lock-timeout={value}"] for value in ("-1", "nan", "inf", "x", "1e9")),
    *(["set_variant", "acme", "default", f"--lock-timeout={value}"] for value in ("-1", "nan", "-inf")),
    *(["run_worker", f"--concurrency={value}"] for value in ("0", "-3", "x")),
    *(["run_worker", f"--grace={value}"] for value in ("-1", "nan")),
    *(["run_gateway", f"--port={value}"] for value in ("-1", "65536", "http")),
    *(["run_gateway", f"--grace={value}"] for value in ("-1", "nan")),
    *(["report_api_usage", f"--days={value}"] for value in ("-5", "999999999", "x")),
]
UNKNOWN = [
    (["report_api_usage", "--tenant", "nosuch"], "Unknown tenant: 'nosuch'"),
    (["migrate_tenants", "--tenant", "nosuch"], "Unknown tenant: 'nosuch'"),
    (["show_tenant_migrations", "--tenant", "nosuch"], "Unknown tenant: 'nosuch'"),
    (["verify_tenants", "--tenant", "nosuch"], "Unknown tenant: 'nosuch'"),
    (["clear_tokens", "--tenant", "nosuch"], "Unknown tenant: 'nosuch'"),
    (["backup_tenant", "nosuch", "x.tar"], "Unknown tenant: 'nosuch'"),
    (["clone_tenant", "nosuch", "other"], "Unknown tenant: 'nosuch'"),
    (["rename_tenant", "nosuch", "other"], "Unknown tenant: 'nosuch'"),
    (["rotate_key", "nosuch"], "Unknown tenant: 'nosuch'"),
    (["clear_tenant_cache", "nosuch"], "Unknown tenant: 'nosuch'"),
    (["reset_second_factor", "nosuch", "--user", "x"], "Unknown tenant: 'nosuch'"),
    (["purge_tenants", "nosuch", "--yes"], "Unknown tenant: 'nosuch'"),
    (["export_goods", "nosuch", "x.csv"], "Unknown tenant: 'nosuch'"),
    (["migrate_tenants", "nosuch"], "'nosuch'"),
    (["migrate_tenants", "goods", "9999"], "no migration '9999'"),
    (["run_gateway", "--host", "nosuch.invalid", "--port", "0"], "cannot listen at nosuch.invalid"),
    (["create_tenant", "typed", "--owner-email", "nobody"], "is not a valid owner email"),
    (["create_tenant", "typed", "--name", "n" * 201], "at most 200 characters"),
    (["service_key", "any text"], "Service 'any text' not found"),
]


@pytest.mark.parametrize("words", NO_NUMBERS, ids=" ".join)
def test_a_number_out_of_bounds_is_refused(manage: Manage, words: list[str]) -> None:
    """Fault 26: `--jobs 0` and `--canary -1` were taken."""
    ended = manage(*words)
    assert ended.code == 2
    assert f"error: argument {words[-1].split('=')[0]}" in ended.err
    assert "from" in ended.err


@pytest.mark.parametrize(("words", "reason"), UNKNOWN, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_what_there_is_not_is_refused(manage: Manage, words: list[str], reason: str) -> None:
    """Fault 26."""
    ended = manage(*words)
    assert (ended.code, len(ended.lines)) == (1, 1), ended.err
    assert reason in ended.err
    with use_tenant(PLATFORM):
        assert not Tenant.objects.filter(slug="typed").exists()


def test_port_in_use_is_one_line(manage: Manage) -> None:
    """Fault 26."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = manage("run_gateway", "--port", str(taken.getsockname()[1]))
    assert (ended.code, len(ended.lines)) == (1, 1), ended.err
    assert "cannot listen" in ended.err


def test_service_key_prints_the_key_of_a_service_that_is_registered(manage: Manage) -> None:
    """Fault 26: it signed for any text."""
    with use_tenant(PLATFORM):
        Service.objects.create(name="typed-service")
    try:
        ended = manage("service_key", "typed-service")
        assert ended.code == 0
        assert len(bytes.fromhex(ended.out.strip())) == 32
        assert "typed-service" in manage("service_key", "typed-servise").err, "it says which there are"
    finally:
        with use_tenant(PLATFORM):
            Service.objects.filter(name="typed-service").delete()


# --- Deleted or not


@pytest.mark.parametrize("words", [["undelete_tenant"], ["purge_tenants", "--yes"]], ids=" ".join)
def test_what_is_for_a_deleted_tenant_says_that_this_one_is_active(
    live_tenant: TenantInfo, manage: Manage, words: list[str]
) -> None:
    """Fault 26: `undelete_tenant` of an active one said that there is none."""
    ended = manage(words[0], live_tenant.slug, *words[1:])
    assert (ended.code, len(ended.lines)) == (1, 1)
    assert f"Tenant '{live_tenant.slug}' is active" in ended.err
    assert f"manage.py delete_tenant {live_tenant.slug} {live_tenant.slug}" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ["suspend_tenant", "SLUG"],
        ["resume_tenant", "SLUG"],
        ["rename_tenant", "SLUG", "other"],
        ["sign_out_tenant", "SLUG"],
        ["tenant_domains", "SLUG", "--add", "x.example"],
        ["clone_tenant", "SLUG", "other"],
        ["backup_tenant", "SLUG", "x.tar"],
        ["delete_tenant", "SLUG", "SLUG"],
        ["set_variant", "SLUG", "grocer"],
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_what_is_for_one_that_is_there_says_that_this_one_is_deleted(
    live_tenant: TenantInfo, manage: Manage, words: list[str]
) -> None:
    """Fault 26: `list_tenants` shows it, so "there is none" would be misleading."""
    slug = live_tenant.slug
    delete_tenant(slug)
    ended = manage(*(word.replace("SLUG", slug) for word in words))
    assert (ended.code, len(ended.lines)) == (1, 1)
    assert f"manage.py undelete_tenant {slug}" in ended.err


def test_a_purge_that_has_begun_cannot_be_undone_and_says_so(live_tenant: TenantInfo) -> None:
    """Fault 26."""
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=live_tenant.id).update(status=Tenant.Status.PURGING)
    with pytest.raises(TenantNotFound, match="cannot be undone"):
        undelete_tenant(live_tenant.slug)
    purge_tenant(live_tenant.slug)


# --- STEPS, and the page on which an owner sets a password

PLAIN = "shop.steps.create_staff_groups"


def make_owner_without_password(spec: TenantSpec) -> None:
    User.objects.create_user(spec.owner_email, spec.owner_email)


NOT_A_FUNCTION = 7


@pytest.fixture
def nothing_is_left(committed: None) -> None:
    yield
    with use_tenant(PLATFORM):
        assert not Tenant.objects.filter(slug="typed").exists()


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([PLAIN], "No step in TENANTS\\['STEPS'\\] has created the owner"),
        ([], "No step in TENANTS\\['STEPS'\\] has created the owner"),
        ([f"{__name__}.make_owner_without_password"], "has no password, although one was given"),
        (["shop.steps.nosuch"], "names 'shop.steps.nosuch', which cannot be imported"),
        (["nosuch.steps"], "names 'nosuch.steps', which cannot be imported"),
        (["nosuch"], "names 'nosuch', which cannot be imported"),
        ([f"{__name__}.NOT_A_FUNCTION"], "is not callable"),
    ],
    ids=["others alone", "none", "no password", "no function", "no module", "no path", "number"],
)
def test_steps_that_make_no_owner_open_no_shop(nothing_is_left: None, steps: list[str], reason: str) -> None:
    """Fault 26: it printed "Opened", with 0 users and the password dropped."""
    order = TenantSpec(slug="typed", owner_email="o@typed.example", owner_password="correct horse battery")
    with (
        override_settings(TENANTS={**settings.TENANTS, "STEPS": steps}),
        pytest.raises(ConfigurationError, match=reason),
    ):
        create_tenant(order)


def test_steps_that_are_not_named_make_the_owner(open_tenant: Callable[..., TenantInfo]) -> None:
    """Fault 26: a project without STEPS."""
    plain = {key: value for key, value in settings.TENANTS.items() if key != "STEPS"}
    with override_settings(TENANTS=plain):
        tenant = open_tenant(owner_email="o@typed.example", owner_password="correct horse battery")
    with use_tenant(tenant):
        assert User.objects.get().check_password("correct horse battery")


def test_a_shop_without_an_owner_needs_no_step(open_tenant: Callable[..., TenantInfo]) -> None:
    """Fault 26."""
    with override_settings(TENANTS={**settings.TENANTS, "STEPS": []}):
        tenant = open_tenant()
    with use_tenant(tenant):
        assert not User.objects.exists()


urlpatterns = [
    path("", lambda request: HttpResponse()),
    path("account/set/<uidb64>/<token>/", lambda request: HttpResponse(), name="set_pasword"),
]
"""A URLconf whose page for passwords has another name."""


def test_a_project_without_a_page_for_passwords_opens_no_shop(nothing_is_left: None, manage: Manage) -> None:
    """Fault 26: a traceback, and the tenant was committed."""
    with override_settings(TENANTS={**settings.TENANTS, "TENANT_URLCONF": __name__}):
        ended = manage("create_tenant", "typed", "--owner-email", "o@typed.example")
    assert (ended.code, len(ended.lines)) == (1, 1), ended.err
    assert "no URL named 'set_password'" in ended.err


def test_a_project_without_a_page_for_passwords_opens_one_with_a_password(
    manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 26."""
    monkeypatch.setenv("SANGGA_OWNER_PASSWORD", "correct horse battery")
    with override_settings(TENANTS={**settings.TENANTS, "TENANT_URLCONF": __name__}):
        assert manage("create_tenant", "typed", "--owner-email", "o@typed.example").code == 0
    delete_tenant("typed")
    purge_tenant("typed")
