"""Security headers of every response: pages, files, refusals, suspended and unknown hosts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle import suspend_tenant
from tenants.models import Domain, Tenant
from tenants.registry.lookup import registry
from tests.settings import CONTENT_SECURITY_POLICY, TENANTS

ROOT = Path(__file__).resolve().parents[3]
ORIGIN = "https://shops.example"


@pytest.fixture
def https() -> Iterator[None]:
    """The project as it is in production: an origin with https, behind one proxy that ends TLS."""
    with override_settings(
        TENANTS={**TENANTS, "ORIGIN": ORIGIN, "TRUSTED_PROXIES": 1},
        SECURE_SSL_REDIRECT=True,
        SECURE_HSTS_SECONDS=3600,
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        SESSION_COOKIE_SECURE=True,
        CSRF_COOKIE_SECURE=True,
    ):
        registry.clear()
        yield


def get(host: str, path: str = "/", **headers: str) -> Any:
    return Client(HTTP_HOST=host).get(path, headers=headers)


def policy_of(response: HttpResponse) -> dict[str, list[str]]:
    parts = (part.split() for part in response["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


def shut_doors(acme: TenantInfo, globex: TenantInfo) -> list[HttpResponse]:
    """Return answers that are given before any other middleware is reached: 404, 503, 308, 429."""
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=globex.id, host="globex.example", is_primary=True)
        Tenant.objects.filter(pk=globex.id).update(max_rate=1, max_burst=1)
        suspend_tenant("acme")
    registry.clear()
    answers = [get("nobody.localhost"), get(acme.host), get("globex.localhost")]
    # One request a second is accepted, on a slow machine too.
    answers.append(next(answer for _ in range(100) if (answer := get("globex.example")).status_code != 200))
    assert [answer.status_code for answer in answers] == [404, 503, 308, 429]
    return answers


def test_every_answer_tells_the_browser_what_a_page_may_do(acme: TenantInfo, globex: TenantInfo) -> None:
    answers = [
        get(acme.host, path) for path in ("/", "/nothing/", "/api/v1/goods", "/static/tenants/pages.css", "/admin/")
    ]
    answers += [get("localhost"), get("localhost", "/admin/login/"), *shut_doors(acme, globex)]
    for answer in answers:
        policy = policy_of(answer)
        assert policy["default-src"] == ["'none'"]
        assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
        assert policy["form-action"] == ["'self'"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]
        answer.close()


def test_what_is_no_file_may_not_be_framed_by_old_browsers_either(acme: TenantInfo, globex: TenantInfo) -> None:
    for answer in [get(acme.host), get("localhost"), *shut_doors(acme, globex)[:3]]:
        assert answer["X-Frame-Options"] == "DENY"


def test_no_page_of_a_visitors_takes_scripts_or_styles_from_itself(acme: TenantInfo) -> None:
    for path in ("/", "/nothing/", "/cart/", "/checkout/", "/account/set-password/x/y/"):
        policy = policy_of(get(acme.host, path))
        assert policy["script-src"] == ["'self'"]
        assert not any("unsafe" in source for source in policy["style-src"])


@pytest.mark.parametrize("host", ["localhost", "acme.localhost"])
def test_the_admins_have_what_their_theme_needs_and_no_more(acme: TenantInfo, host: str) -> None:
    policy = policy_of(get(host, "/admin/login/"))
    assert policy["script-src"] == ["'self'", "'unsafe-eval'"]
    assert "'unsafe-inline'" in policy["style-src"]
    assert policy["default-src"] == ["'none'"]


def test_media_are_sandboxed(acme: TenantInfo) -> None:
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    with use_tenant(acme):
        for name in ("x.html", "x.svg", "x.png", "x.unknown-kind", "x.js", "x.xml", "x.pdf"):
            default_storage.save(name, ContentFile(b"<script>alert(1)</script>"))
    for name, kind, disposition in (
        ("x.html", "application/octet-stream", "attachment"),
        ("x.svg", "application/octet-stream", "attachment"),
        ("x.js", "application/octet-stream", "attachment"),
        ("x.xml", "application/octet-stream", "attachment"),
        ("x.unknown-kind", "application/octet-stream", "attachment"),
        ("x.pdf", "application/pdf", "attachment"),
        ("x.png", "image/png", "inline"),
    ):
        answer = get(acme.host, f"/media/{name}")
        assert answer["Content-Type"] == kind
        assert answer["Content-Disposition"].startswith(disposition)
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
        assert answer["X-Content-Type-Options"] == "nosniff"
        answer.close()


# --- HTTPS


def test_plain_http_is_sent_to_https_on_the_same_host(https: None, acme: TenantInfo) -> None:
    answer = get("acme.shops.example", "/goods/x/?y=1")
    assert (answer.status_code, answer["Location"]) == (301, "https://acme.shops.example/goods/x/?y=1")


def test_hosts_of_ours_are_https_alone_subdomains_included(https: None, acme: TenantInfo, globex: TenantInfo) -> None:
    for host in ("shops.example", "acme.shops.example", "nobody.shops.example"):
        answer = get(host, **{"x-forwarded-proto": "https"})
        assert answer["Strict-Transport-Security"] == "max-age=3600; includeSubDomains"


def test_a_domain_of_a_shops_own_says_nothing_of_its_subdomains(https: None, acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="acme.example", is_primary=True)
        Domain.objects.create(tenant_id=acme.id, host="old.example")
    registry.clear()
    for host, status in (("acme.example", 200), ("old.example", 308)):
        answer = get(host, **{"x-forwarded-proto": "https"})
        assert (answer.status_code, answer["Strict-Transport-Security"]) == (status, "max-age=3600")


def test_hsts_is_missing_without_https(acme: TenantInfo) -> None:
    assert "Strict-Transport-Security" not in get(acme.host)
    assert "Strict-Transport-Security" not in get(acme.host, **{"x-forwarded-proto": "https"})


def test_forwarded_proto_is_ignored_without_a_trusted_proxy(acme: TenantInfo) -> None:
    answer = get(acme.host, **{"x-forwarded-proto": "https", "x-forwarded-ssl": "on", "forwarded": "proto=https"})
    assert answer.wsgi_request.scheme == "http"


# --- CSRF, host by host


def test_a_form_is_taken_from_its_own_host_alone(acme: TenantInfo, globex: TenantInfo) -> None:
    client = Client(HTTP_HOST=acme.host, enforce_csrf_checks=True)
    token = client.get("/admin/login/").context["csrf_token"]
    form = {"csrfmiddlewaretoken": str(token), "language": "ko"}
    for origin in (f"http://{globex.host}", "http://localhost", "http://evil.example", f"https://{acme.host}", "null"):
        assert client.post("/i18n/setlang/", form, headers={"origin": origin}).status_code == 403
    assert client.post("/i18n/setlang/", form, headers={"origin": f"http://{acme.host}"}).status_code == 302


def test_a_token_of_another_host_is_worth_nothing(acme: TenantInfo, globex: TenantInfo) -> None:
    theirs = Client(HTTP_HOST=globex.host, enforce_csrf_checks=True)
    token = str(theirs.get("/admin/login/").context["csrf_token"])
    ours = Client(HTTP_HOST=acme.host, enforce_csrf_checks=True)
    ours.cookies["csrftoken"] = theirs.cookies["csrftoken"].value
    assert ours.post("/i18n/setlang/", {"csrfmiddlewaretoken": token, "language": "ko"}).status_code == 403


# --- In production


def _check_deploy(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SANGGA_")}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=clean | {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "false"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_check_deploy_has_nothing_to_say_in_production() -> None:
    secret = "w7Jq-3nR_c0Zk5VhP9xYtB2mLs8DfGaEuQ6iOvXz1NyTrKbWdC"
    told = {"SECRET_KEY": secret, "SANGGA_ORIGIN": ORIGIN, "SANGGA_TRUSTED_PROXIES": "1"}
    checked = _check_deploy(**told, EMAIL_URL="smtp+tls://mail.example:587")
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


def test_check_deploy_would_say_so_without_https() -> None:
    checked = _check_deploy(SECRET_KEY="short", SANGGA_ORIGIN="http://localhost:8000")
    assert checked.returncode == 1
    assert {"W004", "W008", "W009", "W012"} <= {word.strip("().") for word in checked.stderr.replace(".", " ").split()}


def test_the_policy_in_the_settings_is_complete() -> None:
    assert CONTENT_SECURITY_POLICY["DIRECTIVES"]["default-src"] == ["'none'"]
