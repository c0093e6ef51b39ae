"""Requests through the project's own middleware, URLs and views."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, active_tenant, use_tenant
from tenants.scopes import Scope, scope_of
from tenants.testing.probe import NotApplicable, Probe, Stage
from tenants.urlconfs import views_of

_PAGES = 200
"""How many pages at most are asked for."""


def web_probes() -> list[Probe]:
    """Return the probes of this module."""
    return [
        Probe(name="a cookie of somebody who is signed in", look=_cookie, readers=("other tenant", "platform")),
        Probe(name="pages without parameters", look=_pages, readers=("other tenant", "platform")),
        Probe(name="the control plane in an admin", look=_operators_pages, readers=("owner",), control="platform"),
        Probe(name="who is active after the answer", look=_afterwards, readers=("nobody",)),
        Probe(name="a host that is nobody's", look=_unknown_host, readers=("nobody",)),
    ]


def _client(tenant: TenantInfo | None) -> Client:
    """Return a browser at a host; an error of a view is a page with status 500, as for visitors."""
    host = tenancy().base_domain if tenant is None or tenant.is_platform else tenant.host
    return Client(raise_request_exception=False, HTTP_HOST=host)


def _get(client: Client, path: str) -> Any:
    return client.get(path, secure=tenancy().origin.startswith("https"))


def _body(response: Any) -> str:
    parts = response.streaming_content if response.streaming else [response.content]
    with suppress(TypeError):  # an asynchronous stream
        return b"".join(parts).decode(errors="replace")
    return ""


def _signed_in(tenant: TenantInfo, name: str, *, superuser: bool = False) -> Client:
    """Return a browser in which a new user of a tenant, or of the platform, is signed in."""
    if not any(path.endswith("AuthenticationMiddleware") for path in settings.MIDDLEWARE):
        raise NotApplicable("There is no authentication middleware.")
    model: Any = get_user_model()
    values = dict.fromkeys(model.REQUIRED_FIELDS, f"{name}@probe.example")
    client = _client(tenant)
    with use_tenant(tenant):
        user = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
        if user is None:
            user = model(**values, **{model.USERNAME_FIELD: name, "is_superuser": superuser, "is_staff": superuser})
            user.set_unusable_password()
            user.save()
        client.force_login(user, settings.AUTHENTICATION_BACKENDS[-1])
    return client


def _cookie(stage: Stage, reader: TenantInfo | None) -> str:
    theirs = _signed_in(stage.owner, stage.secret)
    here = _client(reader)
    here.cookies = theirs.cookies
    with use_tenant(reader or PLATFORM):
        user = _get(here, "/").wsgi_request.user
        return str(user.get_username()) if user.is_authenticated and user.get_username() == stage.secret else ""


def _pages(stage: Stage, reader: TenantInfo | None) -> str:
    """Ask for every page as a stranger: the owner first, so that whatever remembers pages has it."""
    paths = [path for path, _ in islice(_pages_of(tenancy().tenant_urlconf), _PAGES)]
    owner, here = _client(stage.owner), _client(reader)
    telling = [path for path in paths if stage.owner.name in _body(_get(owner, path))]
    if not telling:
        raise NotApplicable("No page without parameters shows a tenant's name to a stranger.")
    return ", ".join(path for path in telling if stage.owner.name in _body(_get(here, path)))


def _operators_pages(stage: Stage, reader: TenantInfo | None) -> str:
    """Ask as a superuser for every list of control-plane rows that an admin, of either side, has."""
    paths = {
        path
        for urlconf in (settings.ROOT_URLCONF, tenancy().tenant_urlconf)
        for path, callback in _pages_of(urlconf)
        if scope_of(_label_of(callback)) is Scope.SHARED
    }
    if not paths:
        raise NotApplicable("No admin shows the control plane's models.")
    client = _signed_in(reader or PLATFORM, f"{stage.secret}-operator", superuser=True)
    return ", ".join(path for path in sorted(paths) if _get(client, path).status_code == 200)


def _label_of(callback: Any) -> str:
    model_admin = getattr(callback, "model_admin", None)
    return str(model_admin.model._meta.app_label) if model_admin is not None else ""


def _afterwards(stage: Stage, reader: TenantInfo | None) -> str:
    if reader == stage.owner:
        with use_tenant(stage.owner):
            return str(active_tenant())
    _get(_client(stage.owner), "/")
    return str(active_tenant() or "")


def _unknown_host(stage: Stage, reader: TenantInfo | None) -> str:
    host = stage.owner.host if reader == stage.owner else f"nobody-{stage.secret}.{tenancy().base_domain}"
    status = _get(Client(raise_request_exception=False, HTTP_HOST=host), "/").status_code
    return f"status {status}" if status != 404 else ""


def _pages_of(urlconf: str) -> Iterator[tuple[str, Any]]:
    """Yield the address and the view of every pattern that has no parameter and is no regular expression."""
    return ((address, view) for address, view in views_of(urlconf) if not set(address) & set("<^$(\\"))
