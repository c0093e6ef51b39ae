"""Admin of clients, access tokens, API keys and signing keys: who sees and revokes them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from tenants import TenantInfo, use_tenant
from tenants.contrib.oauth.admin.clients import RENEW
from tenants.contrib.oauth.api_keys import PREFIX, create_api_key, find_api_key
from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.models import AccessToken, ApiKey, Application, SigningKey
from tenants.contrib.oauth.secrets import check_secret


@pytest.fixture
def in_acme(acme: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(acme):
        yield acme


@pytest.fixture
def staff(in_acme: TenantInfo) -> Callable[..., tuple[User, Client]]:
    """Return a function that creates staff with these permissions (`goods.change_goods`, …) and signs them in."""

    def made(name: str, *rights: str, owner: bool = False) -> tuple[User, Client]:
        user = User.objects.create_user(name, f"{name}@acme.example", "x", is_staff=True, is_superuser=owner)
        for right in rights:
            app, codename = right.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        browser = Client(HTTP_HOST=in_acme.host)
        browser.force_login(user)
        return user, browser

    return made


CLIENT = {
    "name": "Bookkeeping",
    "authorization_grant_type": "client-credentials",
    "client_type": "confidential",
    "scopes": ["goods:read"],
    "is_active": "on",
}
ADD_CLIENT, ADD_KEY = "/admin/oauth/application/add/", "/admin/oauth/apikey/add/"


def _secret_on(page: Any, beginning: str) -> str:
    assert "no-store" in page.headers["Cache-Control"]
    return re.findall(rf"{beginning}\w+", page.content.decode())[0]


class TestClients:
    def test_a_client_that_does_not_ask_is_for_owners_to_change(self, staff: Callable[..., Any]) -> None:
        """A new redirect URI would let the editor act as any user, owners included."""
        client = Application.objects.create(
            name="Own",
            client_type="public",
            authorization_grant_type="authorization-code",
            redirect_uris="https://own.example/cb",
            scopes="goods:read",
            skip_authorization=True,
        )
        change = {
            "name": "Own",
            "redirect_uris": "https://evil.example/cb",
            "scopes": ["auth:write"],
            "is_active": "on",
        }
        page = f"/admin/oauth/application/{client.pk}/change/"
        rights = [f"oauth.{right}_application" for right in ("view", "change", "delete")]
        _, browser = staff("dev", *rights)
        assert browser.post(page, change).status_code == 403
        assert browser.post(page.replace("change", "delete"), {"post": "yes"}).status_code == 403
        client.refresh_from_db()
        assert client.redirect_uris == "https://own.example/cb"
        _, owner = staff("olga", owner=True)
        assert owner.post(page, change).status_code == 302

    def test_a_client_is_registered_and_its_secret_is_seen_once(self, staff: Callable[..., Any]) -> None:
        _, browser = staff("olga", owner=True)
        page = browser.post(ADD_CLIENT, CLIENT)
        row = Application.objects.get(name="Bookkeeping")
        secret = _secret_on(page, "sangga_cs_")
        assert check_secret(secret, row.client_secret)
        assert row.client_id in page.content.decode()
        change = f"/admin/oauth/application/{row.pk}/change/"
        assert secret not in browser.get(change).content.decode()
        assert f'name="{RENEW}"' in browser.get(change).content.decode()
        again = _secret_on(browser.post(change, {**CLIENT, RENEW: "1"}), "sangga_cs_")
        row.refresh_from_db()
        assert again != secret
        assert check_secret(again, row.client_secret)
        assert not check_secret(secret, row.client_secret)

    def test_saving_one_without_that_button_leaves_its_secret(self, staff: Callable[..., Any]) -> None:
        _, browser = staff("olga", owner=True)
        browser.post(ADD_CLIENT, CLIENT)
        before = Application.objects.get()
        browser.post(f"/admin/oauth/application/{before.pk}/change/", {**CLIENT, "name": "Books"})
        after = Application.objects.get()
        assert (after.name, after.client_secret) == ("Books", before.client_secret)

    def test_user_cannot_create_a_client_with_more_scopes(self, staff: Callable[..., Any]) -> None:
        rights = ["oauth.add_application", "oauth.view_application", "oauth.change_application"]
        models = ("category", "goods", "sku", "picture", "goodsimport")
        goods = [f"goods.view_{model}" for model in models]
        _, browser = staff("mina", *rights, *goods)
        page = browser.post(ADD_CLIENT, {**CLIENT, "scopes": ["goods:read", "goods:write", "introspection"]})
        assert "You do not have the permissions of these scopes: goods:write, introspection." in page.content.decode()
        assert not Application.objects.exists()
        assert browser.post(ADD_CLIENT, CLIENT).status_code == 200
        assert Application.objects.get().scope_list == ["goods:read"]
        # Nor can they use one that another user created.
        stronger = Application(name="Strong", client_type="confidential", scopes="goods:write")
        stronger.authorization_grant_type = Application.GRANT_CLIENT_CREDENTIALS
        stronger.save()
        answer = browser.post(f"/admin/oauth/application/{stronger.pk}/change/", {**CLIENT, RENEW: "1"})
        assert answer.status_code == 403
        assert Application.objects.get(pk=stronger.pk).client_secret == ""

    def test_a_redirect_in_the_clear_or_to_nowhere_is_refused(self, staff: Callable[..., Any]) -> None:
        _, browser = staff("olga", owner=True)
        people = {**CLIENT, "authorization_grant_type": "authorization-code"}
        for uris in ("", "http://app.example/cb", "https://*.example/cb", "javascript:alert(1)", "https://[", "app"):
            assert browser.post(ADD_CLIENT, {**people, "redirect_uris": uris}).status_code == 200
            assert not Application.objects.exists(), uris
        for uris in ("https://app.example/cb http://127.0.0.1/cb", "http://localhost:3000/cb"):
            browser.post(ADD_CLIENT, {**people, "redirect_uris": uris})
        assert Application.objects.count() == 2

    def test_staff_without_rights_see_none(self, staff: Callable[..., Any]) -> None:
        _, browser = staff("noor")
        for path in ("/admin/oauth/application/", ADD_CLIENT, "/admin/oauth/signingkey/"):
            assert browser.get(path).status_code == 403, path


class TestApiKeys:
    def test_staff_make_keys_of_their_own_and_see_each_once(self, staff: Callable[..., Any]) -> None:
        user, browser = staff("noor")
        assert browser.get(ADD_KEY).status_code == 200
        page = browser.post(ADD_KEY, {"name": "stock script", "scopes": ["goods:read"], "days": "30"})
        key, row = _secret_on(page, PREFIX), ApiKey.objects.get()
        assert (row.user, row.scopes) == (user, "goods:read")
        assert timedelta(days=29) < row.expires - timezone.now() < timedelta(days=31)
        assert find_api_key(key, key_cache.get()).user_id == user.pk
        for path in ("/admin/oauth/apikey/", f"/admin/oauth/apikey/{row.pk}/change/"):
            page = browser.get(path)
            assert page.status_code == 200
            assert key not in page.content.decode()
            assert row.prefix in page.content.decode()

    def test_others_keys_are_seen_and_revoked_with_permission_alone(self, staff: Callable[..., Any]) -> None:
        owner, _ = staff("olga", owner=True)
        _, stranger = staff("noor")
        _, warden = staff("wim", "oauth.view_apikey", "oauth.change_apikey")
        row = create_api_key(owner, "olga's script", ["goods:write"])
        chosen = {"action": "revoke", "_selected_action": [row.pk]}
        assert "olga's script" not in stranger.get("/admin/oauth/apikey/").content.decode()
        assert stranger.get(f"/admin/oauth/apikey/{row.pk}/change/").status_code == 302  # there is none, for them
        stranger.post("/admin/oauth/apikey/", chosen)
        row.refresh_from_db()
        assert row.revoked is None
        assert "olga&#x27;s script" in warden.get("/admin/oauth/apikey/").content.decode()
        warden.post("/admin/oauth/apikey/", chosen)
        key_cache.clear()
        with pytest.raises(InvalidToken, match="revoked"):
            find_api_key(row.shown_once, key_cache.get())

    def test_one_ends_ones_own(self, staff: Callable[..., Any]) -> None:
        user, browser = staff("noor")
        row = create_api_key(user, "mine", ["goods:read"])
        browser.post("/admin/oauth/apikey/", {"action": "revoke", "_selected_action": [row.pk]})
        row.refresh_from_db()
        assert row.revoked is not None


class TestSignIns:
    def test_one_sees_and_ends_ones_own_and_others_with_permission(self, staff: Callable[..., Any]) -> None:
        user, browser = staff("noor")
        other, _ = staff("olga", owner=True)
        _, warden = staff("wim", "oauth.view_accesstoken", "oauth.delete_accesstoken")
        client = Application.objects.create(name="Bookkeeping", client_type="public", redirect_uris="https://a.example")
        rows = {}
        for who in (user, other):
            row = AccessToken(user=who, application=client, jti=uuid.uuid4(), scope="goods:read")
            row.expires = timezone.now() + timedelta(minutes=5)
            row.set_token(str(row.jti))
            row.save()
            rows[who.username] = row
        path = "/admin/oauth/accesstoken/"
        page = browser.get(path).content.decode()
        assert "Bookkeeping" in page
        assert "olga" not in page
        both = {"action": "revoke", "_selected_action": [row.pk for row in rows.values()]}
        browser.post(path, both)
        assert [row.user.username for row in AccessToken.objects.all()] == ["olga"]
        assert "olga" in warden.get(path).content.decode()
        warden.post(path, both)
        assert not AccessToken.objects.exists()


class TestSigningKeys:
    def test_an_owner_changes_the_key(self, staff: Callable[..., Any]) -> None:
        _, browser = staff("olga", owner=True)
        before = SigningKey.objects.get()
        path = f"/admin/oauth/signingkey/{before.pk}/change/"
        page = browser.get(path).content.decode()
        assert before.kid in page
        assert bytes(before.private).hex() not in page
        browser.post(path, {"oauth_signingkey_change_key": "1"})
        before.refresh_from_db()
        assert before.retired
        now = SigningKey.objects.get(retired=None)
        assert browser.get("/admin/oauth/signingkey/").status_code == 200
        browser.post(f"/admin/oauth/signingkey/{now.pk}/change/", {"oauth_signingkey_change_at_once": "1"})
        assert SigningKey.objects.exclude(pk__in=[before.pk, now.pk]).count() == SigningKey.objects.count() == 1

    def test_looking_at_one_changes_nothing(self, staff: Callable[..., Any]) -> None:
        _, browser = staff("vera", "oauth.view_signingkey")
        before = SigningKey.objects.get()
        path = f"/admin/oauth/signingkey/{before.pk}/change/"
        assert browser.get(path).status_code == 200
        assert browser.post(path, {"oauth_signingkey_change_key": "1"}).status_code == 403
        assert SigningKey.objects.get().pk == before.pk
