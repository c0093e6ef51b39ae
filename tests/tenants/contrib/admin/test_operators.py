"""Operators and their groups."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import Group, Permission, User
from django.http import HttpRequest
from django.test import Client

from tenants.context import PLATFORM
from tenants.isolation.app_placement import app_labels_for

USERS = "/admin/auth/user/"
NEW_PASSWORD = {"usable_password": "true", "password1": "battery staple 9", "password2": "battery staple 9"}


def page_of(user: User, name: str = "change") -> str:
    return f"{USERS}{user.pk}/{name}/"


def test_a_new_operator_may_sign_in_and_see_nothing_yet(browser: Client) -> None:
    browser.post(f"{USERS}add/", {"username": "lee", **NEW_PASSWORD})
    lee = Client(HTTP_HOST="localhost")
    assert lee.login(request=HttpRequest(), username="lee", password="battery staple 9")
    assert lee.get("/admin/").status_code == 200
    assert lee.get("/admin/tenants/tenant/").status_code == 403


def test_an_operators_rights_are_those_of_the_control_plane(browser: Client, operator: User) -> None:
    for page, field in ((page_of(operator), "user_permissions"), ("/admin/auth/group/add/", "permissions")):
        offered = browser.get(page).context["adminform"].form.fields[field].queryset
        labels = set(offered.values_list("content_type__app_label", flat=True))
        assert "tenants" in labels
        assert labels <= app_labels_for(PLATFORM)


def test_rights_are_handed_out_by_superusers_alone(browser_of: Callable[..., Client]) -> None:
    browser = browser_of("view_user", "change_user")
    kim = User.objects.get(username="kim")
    browser.post(
        page_of(kim),
        {
            "username": "kim",
            "is_staff": "on",
            "is_active": "on",
            "is_superuser": "on",
            "user_permissions": [permission.pk for permission in Permission.objects.all()],
        },
    )
    kim.refresh_from_db()
    assert not kim.is_superuser
    assert kim.user_permissions.count() == 2


def test_a_groups_rights_are_for_superusers_to_change(browser_of: Callable[..., Client]) -> None:
    group = Group.objects.create(name="night shift")
    right = Permission.objects.get(codename="delete_tenant")
    browser_of("view_group", "change_group").post(
        f"/admin/auth/group/{group.pk}/change/", {"name": "late shift", "permissions": [right.pk]}
    )
    group.refresh_from_db()
    assert group.name == "late shift"
    assert not group.permissions.exists()


def test_a_superuser_is_touched_by_superusers_alone(browser_of: Callable[..., Client]) -> None:
    boss = User.objects.create_superuser("boss", "boss@sangga.example", "correct horse")
    browser = browser_of("view_user", "change_user", "delete_user")
    assert browser.post(page_of(boss), {"username": "nobody"}).status_code == 403
    assert browser.get(page_of(boss, "password")).status_code == 403
    assert browser.post(page_of(boss, "delete"), {"post": "yes"}).status_code == 403
    browser.post(USERS, {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes"})
    assert User.objects.get(username="boss").check_password("correct horse")


def test_operator_cannot_change_one_with_more_permissions(browser_of: Callable[..., Client]) -> None:
    night = Group.objects.create(name="night shift")
    night.permissions.add(Permission.objects.get(codename="delete_tenant"))
    browser = browser_of("view_user", "change_user", "delete_user")
    for number, is_active in enumerate((True, False)):
        lee = User.objects.create_user(f"lee{number}", "lee@sangga.example", "correct horse", is_staff=True)
        lee.groups.add(night)
        User.objects.filter(pk=lee.pk).update(is_active=is_active)
        assert browser.post(page_of(lee), {"username": lee.username, "email": "kim@evil.example"}).status_code == 403
        assert browser.post(page_of(lee, "password"), NEW_PASSWORD).status_code == 403
        assert browser.post(page_of(lee, "delete"), {"post": "yes"}).status_code == 403
        browser.post(USERS, {"action": "delete_selected", "_selected_action": [lee.pk], "post": "yes"})
        lee.refresh_from_db()
        assert (lee.email, lee.check_password("correct horse")) == ("lee@sangga.example", True)
    equal = User.objects.create_user("equal", is_staff=True)
    assert browser.post(page_of(equal, "password"), NEW_PASSWORD).status_code == 302, "the control: no more than kim"


def test_an_operator_can_be_deleted(browser: Client) -> None:
    gone = User.objects.create_user("gone", is_staff=True)
    assert browser.post(page_of(gone, "delete"), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(username="gone").exists()


def test_a_password_can_be_set(browser: Client) -> None:
    lee = User.objects.create_user("lee", is_staff=True)
    assert browser.post(page_of(lee, "password"), NEW_PASSWORD).status_code == 302
    lee.refresh_from_db()
    assert lee.check_password("battery staple 9")


def test_the_pages_of_operators_open(browser: Client, operator: User) -> None:
    for path in (USERS, f"{USERS}add/", page_of(operator), "/admin/auth/group/", "/admin/password_change/"):
        assert browser.get(path).status_code == 200, path
