"""Two-factor authentication in shops and on the platform: set up, verified, required, lost, turned off."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, override_settings
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.accounts import login_state, otp
from tenants.contrib.accounts.middleware import SecondFactorMiddleware
from tenants.models import Tenant
from tenants.registry.lookup import registry
from tests.settings import TENANTS
from tests.tenants.contrib.accounts.phone import Phone

PASSWORD = "correct horse battery"


@pytest.fixture(params=["shop", "platform"])
def place(request: pytest.FixtureRequest, acme: TenantInfo) -> TenantInfo:
    """A shop and the platform, which have the same pages."""
    return acme if request.param == "shop" else PLATFORM


@pytest.fixture
def kim(place: TenantInfo) -> User:
    with use_tenant(place):
        return User.objects.create_superuser("kim", "kim@example.com", PASSWORD)


def browser(place: TenantInfo) -> Client:
    return Client(HTTP_HOST=place.host or "localhost")


def give_password(client: Client, name: str = "kim", where: str = "") -> Any:
    return client.post(f"/admin/login/{where}", {"username": name, "password": PASSWORD})


def signed_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def set_up(client: Client) -> tuple[Phone, list[str]]:
    page = client.get("/admin/second-factor/set-up/")
    phone = Phone(page.context["link"])
    done = client.post("/admin/second-factor/set-up/", {"code": phone.code(steps_ahead=-1)})
    return phone, done.context["codes"]


@pytest.fixture
def phone(place: TenantInfo, kim: User) -> Phone:
    """Kim's phone, set up from another browser."""
    client = browser(place)
    assert give_password(client)["Location"] == "/admin/"
    return set_up(client)[0]


# --- Setting up


def test_another_phone_takes_its_place_for_who_has_the_present_one(place: TenantInfo, phone: Phone) -> None:
    client = browser(place)
    give_password(client)
    client.post("/admin/sign-in/code/", {"code": phone.code()})
    assert signed_in(client)
    page = "/admin/second-factor/set-up/"
    assert "link" not in client.get(page).context, "an open session alone is shown no secret"
    refused = client.post(page, {"code": Phone.wrong(phone.code())})
    assert refused.status_code == 200
    assert "link" not in refused.context
    with use_tenant(place):
        codes = otp.new_recovery_codes(User.objects.get(username="kim"))
        TOTPDevice.objects.update(throttling_failure_count=0)  # a wrong code makes the next one wait
        StaticDevice.objects.update(throttling_failure_count=0)
    assert client.post(page, {"code": codes[0]})["Location"] == page
    other, _codes = set_up(client)
    assert "link" not in client.get(page).context, "it was good for one"
    again = browser(place)
    give_password(again)
    assert again.post("/admin/sign-in/code/", {"code": phone.code(steps_ahead=1)}).status_code == 200
    with use_tenant(place):
        TOTPDevice.objects.update(throttling_failure_count=0)
        StaticDevice.objects.update(throttling_failure_count=0)
    assert again.post("/admin/sign-in/code/", {"code": other.code()}).status_code == 302


def test_it_is_set_up_with_a_picture_that_no_service_draws(place: TenantInfo, kim: User) -> None:
    client = browser(place)
    give_password(client)
    page = client.get("/admin/second-factor/set-up/")
    picture = ElementTree.fromstring(page.context["qr_code"])
    assert picture.tag.endswith("svg")
    assert picture.get("viewBox")  # so that a page may show it in any size
    assert "http" not in page.context["qr_code"].replace("http://www.w3.org/2000/svg", "")
    phone = Phone(page.context["link"])
    assert phone.facts["secret"] == page.context["secret"]
    assert phone.facts["issuer"] == (place.name if place.id else "localhost")
    assert client.get("/admin/second-factor/set-up/").context["link"] == page.context["link"]
    refused = client.post("/admin/second-factor/set-up/", {"code": Phone.wrong(phone.code())})
    assert "Invalid code" in refused.content.decode()
    with use_tenant(place):
        assert not otp.is_enabled(kim)


def test_who_set_it_up_stays_signed_in_and_gets_recovery_codes(place: TenantInfo, kim: User) -> None:
    client = browser(place)
    give_password(client)
    _, codes = set_up(client)
    assert signed_in(client)
    assert len(set(codes)) == otp.RECOVERY_CODES
    assert "10 recovery codes left" in client.get("/admin/second-factor/").content.decode()
    with use_tenant(place):
        assert LogEntry.objects.get(user=kim).change_message == "Turned on two-factor authentication."


# --- Signing in


def test_password_without_the_second_factor_does_not_sign_in(place: TenantInfo, phone: Phone) -> None:
    client = browser(place)
    assert give_password(client)["Location"] == "/admin/sign-in/code/"
    assert not signed_in(client)
    assert client.post("/admin/sign-in/code/", {"code": phone.code()})["Location"] == "/admin/"
    assert signed_in(client)


def test_session_between_password_and_code_is_anonymous(place: TenantInfo, phone: Phone) -> None:
    client = browser(place)
    give_password(client)
    with use_tenant(place):
        assert "_auth_user_id" not in client.session
    client.post("/admin/sign-in/code/", {"code": phone.code()})
    with use_tenant(place):
        assert "_auth_user_id" in client.session
        assert "pending_login" not in client.session


def test_it_leads_where_one_wanted_to_go_and_nowhere_else(place: TenantInfo, phone: Phone) -> None:
    for wanted, target in (("/admin/auth/user/", "/admin/auth/user/"), ("https://evil.example/", "/admin/")):
        with use_tenant(place):
            TOTPDevice.objects.update(last_t=-1)
        client = browser(place)
        give_password(client, where=f"?next={wanted}")
        assert client.post("/admin/sign-in/code/", {"code": phone.code()})["Location"] == target


def test_a_code_works_once(place: TenantInfo, phone: Phone) -> None:
    code = phone.code()
    for expected in (302, 200):
        client = browser(place)
        give_password(client)
        assert client.post("/admin/sign-in/code/", {"code": code}).status_code == expected


def test_a_wrong_code_makes_the_right_one_wait(place: TenantInfo, phone: Phone) -> None:
    client = browser(place)
    give_password(client)
    assert client.post("/admin/sign-in/code/", {"code": Phone.wrong(phone.code())}).status_code == 200
    with use_tenant(place):
        assert TOTPDevice.objects.get().throttling_failure_count == 1
        TOTPDevice.objects.update(throttling_failure_count=11)  # 1,024 seconds
    assert client.post("/admin/sign-in/code/", {"code": phone.code()}).status_code == 200
    with use_tenant(place):
        TOTPDevice.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(hours=1))
    assert client.post("/admin/sign-in/code/", {"code": phone.code()}).status_code == 302


@pytest.mark.parametrize(
    "code", ["", " ", "12345", "1234567", "abcdef", "abcd-efgh", "１２３４５６", "-1", "a" * 21, "\0"]
)
def test_what_is_no_code_is_refused(place: TenantInfo, phone: Phone, code: str) -> None:
    client = browser(place)
    give_password(client)
    assert client.post("/admin/sign-in/code/", {"code": code}).status_code == 200
    assert not signed_in(client)


def test_without_the_first_step_there_is_no_second(place: TenantInfo, phone: Phone) -> None:
    client = browser(place)
    for response in (client.get("/admin/sign-in/code/"), client.post("/admin/sign-in/code/", {"code": phone.code()})):
        assert response["Location"] == "/admin/login/"


def test_the_second_step_has_its_time(place: TenantInfo, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(place)
    give_password(client)
    later = time.time() + 301
    monkeypatch.setattr(login_state.time, "time", lambda: later)
    assert client.post("/admin/sign-in/code/", {"code": phone.code()})["Location"] == "/admin/login/"


@pytest.mark.parametrize("what", ["password", "is_active"])
def test_who_is_shut_out_between_the_steps_stays_out(place: TenantInfo, kim: User, phone: Phone, what: str) -> None:
    client = browser(place)
    give_password(client)
    with use_tenant(place):
        kim.set_password("another one") if what == "password" else setattr(kim, "is_active", False)
        kim.save()
    assert client.post("/admin/sign-in/code/", {"code": phone.code()})["Location"] == "/admin/login/"


def test_session_from_before_the_setup_is_anonymous(place: TenantInfo, kim: User) -> None:
    old, new = browser(place), browser(place)
    give_password(old)
    give_password(new)
    phone, _ = set_up(new)
    assert signed_in(new)
    assert not signed_in(old)
    for page in ("", "off/", "set-up/", "recovery-codes/"):
        assert old.get(f"/admin/second-factor/{page}")["Location"] == "/admin/login/"
    assert give_password(old)["Location"] == "/admin/sign-in/code/"
    assert old.get("/admin/second-factor/set-up/")["Location"] == "/admin/login/"
    assert old.post("/admin/sign-in/code/", {"code": phone.code()})["Location"] == "/admin/"
    assert signed_in(old)


def test_code_of_another_user_is_refused(place: TenantInfo, phone: Phone) -> None:
    with use_tenant(place):
        User.objects.create_superuser("lee", "lee@example.com", PASSWORD)
    lee = browser(place)
    give_password(lee, "lee")
    lees = set_up(lee)[0]
    client = browser(place)
    give_password(client)
    assert client.post("/admin/sign-in/code/", {"code": lees.code()}).status_code == 200
    assert not signed_in(client)


# --- Recovery codes


def test_a_recovery_code_works_once_however_it_is_typed(place: TenantInfo, kim: User) -> None:
    first = browser(place)
    give_password(first)
    _, codes = set_up(first)
    for typed, expected in ((codes[0], 302), (codes[0], 200), (codes[1].upper().replace("-", " "), 302)):
        with use_tenant(place):
            StaticDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
        client = browser(place)
        give_password(client)
        assert client.post("/admin/sign-in/code/", {"code": typed}).status_code == expected
    with use_tenant(place):
        assert otp.recovery_codes_left(kim) == 8


def test_new_recovery_codes_cost_a_code_and_make_old_ones_void(place: TenantInfo, kim: User) -> None:
    client = browser(place)
    give_password(client)
    phone, codes = set_up(client)
    assert client.post("/admin/second-factor/recovery-codes/", {"code": "aaaa-aaaa"}).context.get("codes") is None
    new = client.post("/admin/second-factor/recovery-codes/", {"code": phone.code()}).context["codes"]
    assert len(new) == len(codes)
    assert not set(new) & set(codes)
    with use_tenant(place):
        assert otp.check_code(kim, codes[0]) is None


# --- Required, switched off, taken away


def require(place: TenantInfo) -> Any:
    if place.is_platform:
        return override_settings(TENANTS={**TENANTS, "OPERATOR_SECOND_FACTOR": True})
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=place.id).update(staff_second_factor=True)
    registry.clear()
    return override_settings()


def test_where_it_is_required_it_comes_first(place: TenantInfo, kim: User) -> None:
    client = browser(place)
    give_password(client)
    assert signed_in(client)
    with require(place):
        assert not signed_in(client)  # although it was, before
        assert give_password(client, where="?next=/admin/auth/user/")["Location"] == "/admin/second-factor/set-up/"
        assert not signed_in(client)
        page = client.get("/admin/second-factor/set-up/")
        assert "Two-factor authentication is required." in page.content.decode()
        done = client.post("/admin/second-factor/set-up/", {"code": Phone(page.context["link"]).code()})
        assert done.context["target"] == "/admin/auth/user/"
        assert signed_in(client)
        assert client.get("/admin/second-factor/off/")["Location"] == "/admin/second-factor/"
        with use_tenant(place):
            assert otp.is_enabled(kim)


def test_what_one_shop_requires_another_does_not(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(globex):
        User.objects.create_superuser("kim", "kim@example.com", PASSWORD)
    with require(acme):
        client = browser(globex)
        give_password(client)
        assert signed_in(client)


def test_it_is_switched_off_with_a_code(place: TenantInfo, kim: User) -> None:
    client = browser(place)
    give_password(client)
    phone, _ = set_up(client)
    assert client.post("/admin/second-factor/off/", {"code": "aaaa-aaaa"}).status_code == 200
    assert client.post("/admin/second-factor/off/", {"code": phone.code()}).status_code == 302
    assert signed_in(client)
    assert "Two-factor authentication is off" in client.get("/admin/second-factor/").content.decode()
    assert give_password(browser(place))["Location"] == "/admin/"
    with use_tenant(place):
        assert not StaticToken.objects.exists()


def test_shoppers_and_strangers_have_no_such_pages(place: TenantInfo) -> None:
    with use_tenant(place):
        shopper = User.objects.create_user("shopper", password=PASSWORD)
    for user in (None, shopper):
        client = browser(place)
        if user:
            with use_tenant(place):
                client.force_login(user)
        for page in ("", "set-up/", "recovery-codes/", "off/"):
            assert client.get(f"/admin/second-factor/{page}")["Location"] == "/admin/login/"


@pytest.mark.usefixtures("phone")
def test_a_superuser_takes_it_away_from_who_has_lost_it(place: TenantInfo, kim: User) -> None:
    with use_tenant(place):
        User.objects.create_superuser("boss", "boss@example.com", PASSWORD)
        helper = User.objects.create_user("helper", password=PASSWORD, is_staff=True)
        helper.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    action = {"action": "disable_second_factor", "_selected_action": [kim.pk]}
    weak = browser(place)
    give_password(weak, "helper")
    weak.post("/admin/auth/user/", action)
    with use_tenant(place):
        assert otp.is_enabled(kim)
    boss = browser(place)
    give_password(boss, "boss")
    assert boss.post("/admin/auth/user/", action, follow=True).status_code == 200
    with use_tenant(place):
        assert not otp.is_enabled(kim)
    assert give_password(browser(place))["Location"] == "/admin/"


# --- Other doors than the admin's


@pytest.fixture
def shop_with_kim(acme: TenantInfo) -> TenantInfo:
    with use_tenant(acme):
        User.objects.create_superuser("kim", "kim@example.com", PASSWORD)
    return acme


def ask_for_token(tenant: TenantInfo, **more: str) -> Any:
    return browser(tenant).post("/api/token", {"username": "kim", "password": PASSWORD, **more})


def test_a_token_costs_the_code_as_well(shop_with_kim: TenantInfo) -> None:
    assert ask_for_token(shop_with_kim).status_code == 200
    client = browser(shop_with_kim)
    give_password(client)
    phone, codes = set_up(client)
    assert ask_for_token(shop_with_kim).status_code == 401
    assert ask_for_token(shop_with_kim, otp="nonsense").status_code == 401
    assert ask_for_token(shop_with_kim, otp=phone.code()).status_code == 200
    with use_tenant(shop_with_kim):
        StaticDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert ask_for_token(shop_with_kim, otp=codes[0]).status_code == 200


def test_token_requires_the_second_factor_where_it_is_required(shop_with_kim: TenantInfo) -> None:
    with require(shop_with_kim):
        assert ask_for_token(shop_with_kim).status_code == 401


def sign_in_for_a_client(tenant: TenantInfo, where: str) -> tuple[Client, Any]:
    client = browser(tenant)
    return client, client.post(f"/oauth/sign-in/?next={where}", {"username": "kim", "password": PASSWORD})


def test_a_client_of_the_api_is_let_in_after_the_second_step(shop_with_kim: TenantInfo) -> None:
    client = browser(shop_with_kim)
    give_password(client)
    phone, _ = set_up(client)
    where = "/oauth/authorize?client_id=x"
    client, first = sign_in_for_a_client(shop_with_kim, where)
    assert first["Location"] == "/oauth/sign-in/code/"
    assert client.get(where)["Location"].startswith("/oauth/sign-in/")  # still anonymous
    assert "Invalid code" in client.post("/oauth/sign-in/code/", {"code": "abcd-efgh"}).content.decode()
    assert client.post("/oauth/sign-in/code/", {"code": phone.code()})["Location"] == where
    assert browser(shop_with_kim).get("/oauth/sign-in/code/")["Location"] == "/oauth/sign-in/"


def test_who_needs_one_and_has_none_lets_no_client_in(shop_with_kim: TenantInfo) -> None:
    with require(shop_with_kim):
        client, first = sign_in_for_a_client(shop_with_kim, "/oauth/authorize?client_id=x")
        page = client.get(first["Location"])
        assert "Set it up in the shop admin first" in page.content.decode()
        assert client.post(first["Location"], {"code": "123456"}).status_code == 200
        assert client.get("/oauth/authorize?client_id=x")["Location"].startswith("/oauth/sign-in/")


def test_a_session_that_has_not_shown_it_is_a_stranger_to_the_api(shop_with_kim: TenantInfo) -> None:
    client = browser(shop_with_kim)
    give_password(client)
    assert client.get("/api/v2/customers").status_code == 200
    with require(shop_with_kim):
        assert client.get("/api/v2/customers").status_code == 401


@pytest.mark.usefixtures("phone")
def test_it_is_the_same_asynchronously(place: TenantInfo, kim: User) -> None:
    async def who(request: HttpRequest) -> HttpResponse:
        return HttpResponse((await request.auser()).get_username())

    async def signed_in_as_kim() -> User:
        return kim

    request = AsyncRequestFactory().get("/")
    middleware: Any = SecondFactorMiddleware(who)
    assert iscoroutinefunction(middleware)
    for shown, seen in ((True, b"kim"), (False, b"")):
        kim.is_verified = lambda shown=shown: shown  # type: ignore[attr-defined]  # as OTPMiddleware leaves it
        request.user, request.auser = kim, signed_in_as_kim
        with use_tenant(place):
            assert async_to_sync(middleware)(request).content == seen


@pytest.mark.usefixtures("phone")
def test_an_operator_takes_it_away_on_the_command_line(
    place: TenantInfo, kim: User, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--platform"] if place.is_platform else [place.slug]
    call_command("reset_second_factor", *where, "--user", "kim")
    with use_tenant(place):
        assert not otp.is_enabled(kim)


def test_it_costs_an_ordinary_visitor_nothing(acme: TenantInfo, django_assert_num_queries: Callable[..., Any]) -> None:
    client = browser(acme)
    client.get("/")
    with django_assert_num_queries(2):
        client.get("/")
