"""Error reports, logs and output without passwords and keys: by name, by value, and in the text of errors."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django import VERSION
from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory, override_settings
from django.utils.log import AdminEmailHandler
from django.views.debug import get_exception_reporter_class, technical_500_response

from tenants import PLATFORM, redaction, use_tenant
from tenants.contrib.observability.logs import JsonFormatter, RedactionLogFilter
from tenants.contrib.services.conf import service_settings
from tenants.errors import ConfigurationError
from tenants.lifecycle import TenantSpec
from tenants.postgresql.direct_connection import direct_options
from tenants.redaction import redact_secrets
from tests.away import PASSWORD, database_away
from tests.typed import Manage

DIRECT = f"postgresql://kim:{PASSWORD}@127.0.0.1:1/shops"
ADMINS: list[Any] = [("kim", "kim@x.example")] if VERSION < (6, 0) else ["kim@x.example"]


@pytest.fixture
def direct() -> Iterator[None]:
    """The settings have the password, in the one place where its name does not say so."""
    options = connection.settings_dict["OPTIONS"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(options, "direct", DIRECT)
        redaction._known_secrets.cache_clear()
        yield
    redaction._known_secrets.cache_clear()


@dataclass
class Told:
    html: str
    text: str
    mail: str


def reported(request: HttpRequest | None = None) -> Told:
    """Return all reports of the exception that is handled."""
    handler = AdminEmailHandler(include_html=True)
    with override_settings(ADMINS=ADMINS):
        record = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "Failed", (), sys.exc_info())
        record.request = request
        handler.emit(record)
    sent = mail.outbox.pop()
    reporter = get_exception_reporter_class(request)(request, *sys.exc_info())
    page = technical_500_response(request or RequestFactory().get("/"), *sys.exc_info()).content.decode()
    whole = sent.body + "".join(str(part[0]) for part in sent.alternatives)
    return Told(html=page + reporter.get_traceback_html(), text=reporter.get_traceback_text(), mail=whole)


def assert_hidden(told: Told, secret: str = PASSWORD) -> None:
    for text in (told.html, told.text, told.mail):
        assert "test_error_reports" in text, "it is a report, of these frames"
        assert secret not in text


@pytest.mark.parametrize("debug", [True, False])
def test_the_settings_in_a_report_have_no_password_in_a_url(direct: None, debug: bool) -> None:
    """Fault 58: OPTIONS["direct"] has a name that says nothing."""
    assert PASSWORD in repr(settings.DATABASES), "the control"
    with override_settings(DEBUG=debug), use_tenant(PLATFORM):
        try:
            raise ValueError("any")
        except ValueError:
            assert_hidden(reported())


@pytest.mark.parametrize("debug", [True, False])
def test_a_connection_that_fails_is_reported_without_its_password(committed: None, debug: bool) -> None:
    """Fault 58: the driver's frames have the parameters among their variables."""
    with override_settings(DEBUG=debug), use_tenant(PLATFORM):
        try:
            psycopg.connect(DIRECT)
        except psycopg.OperationalError:
            assert_hidden(reported())
        with database_away():
            try:
                connection.ensure_connection()
            except Exception:
                assert_hidden(reported())


class Odd:
    """An object whose representation tells."""

    def __repr__(self) -> str:
        return f"Odd(password='{PASSWORD}', url={DIRECT!r})"


def fail_with(**variables: Any) -> None:
    here = dict(variables)
    nested = {"outer": [here], "pair": tuple(here.values())}
    raise RuntimeError(f"no such thing: {nested!r}") from ValueError(f"because of {DIRECT}")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "variables",
    [
        {"url": DIRECT},
        {"conninfo": f"host=h password={PASSWORD}"},
        {"raw": f"host=h password='{PASSWORD}'".encode()},
        {"odd": Odd()},
        {"params": {"password": PASSWORD, "host": "h"}},
        {"environment": {"PGPASSWORD": PASSWORD, "DATABASE_URL": DIRECT}},
        {"api_key": PASSWORD},
        {"client_secret": PASSWORD},
        {"order": TenantSpec(slug="x", owner_password=PASSWORD)},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_a_variable_of_a_frame_is_reported_without_its_password(variables: dict[str, Any], debug: bool) -> None:
    """Fault 58: no setting has this one; its name, or where it stands, tells."""
    with override_settings(DEBUG=debug), use_tenant(PLATFORM):
        try:
            fail_with(**variables)
        except RuntimeError:
            told = reported()
    for text in (told.html, told.text, told.mail):
        assert "fail_with" in text
    # The frame that handles the exception is this test's, whose arguments are hidden in the same way.
    assert PASSWORD not in told.html
    assert PASSWORD not in told.text
    assert PASSWORD not in told.mail


def test_a_known_password_is_hidden_wherever_it_stands(direct: None) -> None:
    """Fault 58: a value of the settings is found in texts that give no hint."""
    with use_tenant(PLATFORM):
        try:
            raise ValueError(f"nobody knows {PASSWORD} here")
        except ValueError:
            assert_hidden(reported())


def test_a_request_is_reported_without_what_signs_in(direct: None) -> None:
    """Fault 58: environment in META, cookies, passwords that were posted, links that work once."""
    request = RequestFactory().post(
        "/operator/enter/let-me-in-1/?api_key=in-the-query-1", {"password": "posted-1", "new_password2": "posted-1"},
        headers={"authorization": "Bearer header-token-1", "sangga-identity": "signed-1"},
    )  # fmt: skip
    request.META["DATABASE_URL"] = DIRECT
    request.COOKIES.update(sessionid="cookie-1", __Host_sessionid="cookie-1")
    with use_tenant(PLATFORM), override_settings(DEBUG=True):
        try:
            raise ValueError("any")
        except ValueError:
            told = reported(request)
    for secret in (PASSWORD, "posted-1", "header-token-1", "cookie-1", "signed-1", "in-the-query-1", "let-me-in-1"):
        assert secret not in told.text, secret


def test_names_of_every_day_are_still_shown() -> None:
    """Fault 58: a report has to be of use."""
    key, passed, author, compass = "a-key", "has-passed", "an-author", "a-compass"
    with use_tenant(PLATFORM):
        try:
            raise ValueError((key, passed, author, compass))
        except ValueError:
            told = reported()
    for value in (key, passed, author, compass):
        assert value in told.html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://kim:a/b@c@host/db", "postgresql://kim:********@host/db"),
        ("smtp+tls://kim:x@mail:25", "smtp+tls://kim:********@mail:25"),
        ("https://kim:x@host/", "https://kim:********@host/"),
        ("http://localhost:8000/x@y", "http://localhost:8000/x@y"),
        ("postgresql://kim@host:5432/x", "postgresql://kim@host:5432/x"),
        ("host=h password=x port=1", "host=h password=******** port=1"),
        ("password='x y' port=1", "password=******** port=1"),
        ("{'client_secret': 'x', 'user': 'kim'}", "{'client_secret': '********', 'user': 'kim'}"),
        ("password authentication failed for user kim", "password authentication failed for user kim"),
    ],
)
def test_a_text_loses_its_passwords_and_nothing_else(text: str, shown: str) -> None:
    """Fault 58."""
    assert redact_secrets(text) == shown


@pytest.mark.parametrize("piece", ["a-", "a://b:", "password='", "token=", "x@", "://u:", "'password': '"])
def test_a_long_text_of_a_stranger_takes_no_time(piece: str) -> None:
    """Fault 58: a path in a log is looked through too. What is quadratic would take minutes here."""
    assert redact_secrets(piece * 50_000)


def _line(formatter: logging.Formatter, message: str, *args: object) -> str:
    try:
        raise ValueError(f"cannot reach {DIRECT}")
    except ValueError:
        record = logging.LogRecord("any", logging.ERROR, __file__, 1, message, args, sys.exc_info())
    assert RedactionLogFilter().filter(record)
    return formatter.format(record)


@pytest.mark.parametrize("formatter", [logging.Formatter("%(message)s"), JsonFormatter()], ids=["line", "json"])
def test_a_line_of_the_log_has_no_password(formatter: logging.Formatter) -> None:
    """Fault 58: in the message, in its arguments, in the traceback."""
    line = _line(formatter, "Tried %s, then %s", DIRECT, "host=h password=other-1")
    assert PASSWORD not in line
    assert "other-1" not in line
    assert "cannot reach postgresql://kim:********@127.0.0.1" in line
    assert "Tried postgresql://kim:********@" in line


def test_json_lines_without_our_filter_have_no_password_either() -> None:
    """Fault 58: a project may have the formatter alone."""
    record = logging.LogRecord("any", logging.ERROR, __file__, 1, "Tried %s", (DIRECT,), None)
    assert PASSWORD not in json.loads(JsonFormatter().format(record))["message"]


def test_diffsettings_prints_no_password(direct: None, manage: Manage) -> None:
    """Fault 58: people paste it into reports."""
    for words in (["diffsettings", "--all"], ["diffsettings", "--output", "unified"]):
        ended = manage(*words)
        assert ended.code == 0
        assert "DATABASES = " in ended.out
        assert PASSWORD not in ended.out


@pytest.mark.parametrize(
    "url",
    ["postgresql://kim:pa/ss@host/db", "postgresql://kim:p@ss@host/db", "nonsense", "postgresql://kim:p%zz@host/db"],
)
def test_an_address_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    """Fault 58: libpq's own error has a part of the password."""
    with pytest.raises(ConfigurationError, match="percent-encode") as refused:
        direct_options({"direct": url})
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    for part in ("pa", "ss@", "p%zz"):
        assert part not in str(refused.value).replace("PASSWORD", "").replace("password", "").replace("special", "")


def test_a_setting_of_ours_that_is_none_is_refused_without_its_secret() -> None:
    """Fault 58: TENANTS['METRICS_TOKEN'] of the wrong type."""
    with override_settings(TENANTS={**settings.TENANTS, "METRICS_TOKEN": [PASSWORD]}):
        with pytest.raises(ImproperlyConfigured, match="METRICS_TOKEN") as refused:
            service_settings()
    assert PASSWORD not in str(refused.value)
