"""Nothing in a shop changes or uses the account of an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.test import Client

from tenants import TenancyError, TenantInfo, use_tenant
from tenants.contrib.accounts.emails import send_reset_links
from tenants.contrib.impersonation.backend import operator_account
from tenants.contrib.impersonation.errors import OperatorAccountRefused
from tenants.contrib.oauth.api_keys import create_api_key
from tenants.isolation.password_reset import password_link

PASSWORD = "long enough, and new"


@pytest.fixture
def in_shop(acme: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(acme):
        yield acme


@pytest.fixture
def operator(in_shop: TenantInfo) -> User:
    return operator_account(1, "kim")


@pytest.fixture
def owner(in_shop: TenantInfo) -> Client:
    client = Client(HTTP_HOST=in_shop.host)
    client.force_login(User.objects.get(username="owner@acme.example"))
    return client


def as_it_is(account: User) -> tuple[Any, ...]:
    found = User.objects.get(pk=account.pk)
    return (
        found.username,
        found.first_name,
        found.email,
        found.has_usable_password(),
        found.is_superuser,
        found.is_staff,
        list(found.groups.all()),
    )


PLAIN = ("operator:1", "Operator", "", False, False, False, [])


def test_an_owner_sees_an_operators_account_and_changes_nothing(owner: Client, operator: User) -> None:
    page = f"/admin/auth/user/{operator.pk}"
    assert "operator:1" in owner.get(f"{page}/change/").content.decode()
    new = {"username": "mine", "email": "me@acme.example", "is_superuser": "on", "is_staff": "on", "is_active": "on"}
    assert owner.post(f"{page}/change/", new).status_code == 403
    passwords = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert owner.post(f"{page}/password/", passwords).status_code == 403
    assert owner.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [operator.pk], "post": "yes"}
    owner.post("/admin/auth/user/", chosen)
    assert as_it_is(operator) == PLAIN


def test_an_owner_sends_no_invitation_to_an_operators_account(owner: Client, operator: User) -> None:
    """Even if it has an e-mail address from before."""
    User.objects.filter(pk=operator.pk).update(email="me@acme.example")
    chosen = {"action": "resend_invitation", "_selected_action": [operator.pk]}
    owner.post("/admin/auth/user/", chosen)
    User.objects.filter(pk=operator.pk).update(password=make_password(PASSWORD))
    send_reset_links("me@acme.example", "en")
    assert mail.outbox == []


def change_name(account: User) -> None:
    account.username = "mine"
    account.save()


def change_password(account: User) -> None:
    account.set_password(PASSWORD)
    account.save()


def change_email(account: User) -> None:
    account.email = "me@acme.example"
    account.save(update_fields=["email"])


@pytest.mark.parametrize(
    "change",
    [
        lambda account: account.delete(),
        lambda account: account.groups.set([Group.objects.create(name="all")]),
        lambda account: Group.objects.create(name="all").user_set.add(account),
        lambda account: account.user_permissions.add(Permission.objects.first()),
        lambda account: User.objects.create_superuser("operator:2", "", PASSWORD),
        lambda account: create_api_key(account, "mine", []),
    ],
    ids=["delete", "groups", "group", "permission", "another", "API key"],
)
def test_no_code_of_a_shop_changes_an_operators_account(operator: User, change: Callable[[User], Any]) -> None:
    with pytest.raises(OperatorAccountRefused, match="operator"), transaction.atomic():
        change(User.objects.get(pk=operator.pk))
    assert as_it_is(operator) == PLAIN


@pytest.mark.parametrize("change", [change_name, change_password, change_email])
def test_saving_an_operators_account_leaves_it_as_it_was(
    operator: User, change: Callable[[User], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Saving a whole user is no error, and the log names the account."""
    change(User.objects.get(pk=operator.pk))
    assert as_it_is(operator) == PLAIN
    assert "operator:1" in caplog.text


def test_commands_change_no_operators_account(operator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    with pytest.raises((TenancyError, CommandError)):
        call_command("createsuperuser", username="operator:2", email="", interactive=False, stdout=StringIO())
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: PASSWORD)
    with pytest.raises((TenancyError, CommandError)):
        call_command("changepassword", "operator:1", stdout=StringIO())
    assert as_it_is(operator) == PLAIN


def test_operator_account_with_an_older_password_cannot_sign_in(in_shop: TenantInfo, operator: User) -> None:
    """A password written past Django is refused by login, token and link."""
    User.objects.filter(pk=operator.pk).update(password=make_password(PASSWORD), is_staff=True, is_superuser=True)
    client = Client(HTTP_HOST=in_shop.host)
    given = {"username": "operator:1", "password": PASSWORD}
    assert client.post("/admin/login/", given).status_code == 200
    assert "_auth_user_id" not in client.session
    assert client.post("/api/token", given).status_code == 401
    link = password_link(User.objects.get(pk=operator.pk))
    page = client.get(link.partition(in_shop.host)[2].lstrip(":0123456789"), follow=True)
    assert 'name="new_password1"' not in page.content.decode()


def test_entering_puts_an_operators_account_right(in_shop: TenantInfo, operator: User) -> None:
    group = Group.objects.create(name="all")
    User.groups.through.objects.create(user=operator, group=group)
    User.objects.filter(pk=operator.pk).update(email="me@acme.example", is_superuser=True, first_name="Me")
    operator_account(1, "kim")
    assert as_it_is(operator) == PLAIN


def test_other_accounts_of_a_shop_are_changed_as_before(owner: Client, operator: User) -> None:
    user = User.objects.create_user("clerk", password=PASSWORD)
    user.groups.add(Group.objects.create(name="all"))
    assert owner.get(f"/admin/auth/user/{user.pk}/password/").status_code == 200
    user.delete()
