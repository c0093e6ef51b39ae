"""A request without a supported language gets the tenant's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from tenants import PLATFORM, TenantInfo
from tenants.http.locale import language_of

KOREAN = TenantInfo(id=1, slug="k", schema="t_1", language="ko")


@pytest.mark.parametrize(
    ("asked", "cookie", "expected"),
    [
        ("", "", "ko"),
        ("*", "", "ko"),
        ("fr, de;q=0.5", "", "ko"),
        ("en-GB, ko;q=0.5", "", "en"),
        ("fr, en;q=0.5", "", "en"),
        ("en", "ko", "ko"),
        ("en", "tlh", "en"),
        ("x" * 5000, "y" * 5000, "ko"),
    ],
)
def test_choice_before_browser_before_tenant(asked: str, cookie: str, expected: str) -> None:
    request = RequestFactory().get("/", headers={"Accept-Language": asked})
    request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = cookie
    assert language_of(request, KOREAN) == expected


def test_platform_and_unknown_hosts_have_the_projects_language() -> None:
    request = RequestFactory().get("/")
    assert language_of(request, PLATFORM) == language_of(request, None) == settings.LANGUAGE_CODE
    assert language_of(request, replace(KOREAN, language="en")) == "en"


def test_korean_shop_is_korean_without_accept_language(initech: TenantInfo, acme: TenantInfo) -> None:
    for tenant, language in ((initech, "ko"), (acme, "en")):
        response = Client(HTTP_HOST=tenant.host).get("/")
        assert response["Content-Language"] == language
        assert f'<html lang="{language}"' in response.content.decode()
