"""Probes of requests through the project's middleware, URLs and views."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.test import Client

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, active_tenant, use_tenant
from tenants.http.signals import reset_limits
from tenants.isolation.app_placement import Placement, placement_of
from tenants.isolation.urlconfs import views_of
from tenants.lifecycle.users import has_users
from tenants.testing.probe import NotApplicable, Probe, Stage

_MAX_PAGES = 200


def web_probes() -> list[Probe]:
    return [
        Probe(name="a session cookie", look=_cookie, readers=("other tenant", "platform")),
        Probe(name="pages without parameters", look=_pages, readers=("other tenant", "platform")),
        Probe(name="the control plane in an admin", look=_admin_of_platform, readers=("owner",), control="platform"),
        Probe(name="the active tenant after a response", look=_after_response, readers=("no tenant",)),
        Probe(name="an unknown host", look=_unknown_host, readers=("no tenant",)),
    ]


def _client(tenant: TenantInfo | None) -> Client:
    # An error of a view is a response with status 500, as for visitors.
    host = tenancy().base_domain if tenant is None or tenant.is_platform else tenant.host
    return Client(raise_request_exception=False, HTTP_HOST=host)


def _get(client: Client, path: str) -> Any:
    reset_limits.send(_get)  # a probe sends more requests than a visitor may
    return client.get(path, secure=settings.SECURE_SSL_REDIRECT or tenancy().origin.startswith("https"))


def _body(response: Any) -> str:
    parts = response.streaming_content if response.streaming else [response.content]
    with suppress(TypeError):  # an asynchronous stream
        return b"".join(parts).decode(errors="replace")
    return ""


def _signed_in(tenant: TenantInfo, name: str, *, superuser: bool = False) -> Client:
    """Return a client in which a new user of the tenant or platform is signed in."""
    if not any(path.endswith("AuthenticationMiddleware") for path in settings.MIDDLEWARE):
        raise NotApplicable("MIDDLEWARE has no authentication middleware.")
    if not _has_users(tenant):
        place = "the control plane" if tenant.is_platform else "the tenants' schemas"
        raise NotApplicable(f"This project has no users in {place}.")
    client = _client(tenant)
    with use_tenant(tenant):
        user = _user(name, superuser=superuser)
        client.force_login(user, _backend_of(user))
        _confirm_second_factor(client, user)
    return client


def _has_users(tenant: TenantInfo) -> bool:
    with use_tenant(tenant):
        return has_users()


def _user(name: str, *, superuser: bool) -> Any:
    model: Any = get_user_model()
    found = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    if found is not None:
        return found
    values: dict[str, Any] = dict.fromkeys(model.REQUIRED_FIELDS, f"{name}@probe.example")
    values |= {model.USERNAME_FIELD: name, "is_superuser": superuser, "is_staff": superuser}
    names = {field.name for field in model._meta.get_fields()}
    user = model(**{key: value for key, value in values.items() if key in names or key in model.REQUIRED_FIELDS})
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
    except (DatabaseError, ValueError, TypeError, ValidationError) as error:
        raise NotApplicable(f"The probe cannot create a user of this project: {error}") from error
    return user


def _backend_of(user: Any) -> str:
    # Some backends only find their own users, and some only have permissions.
    for path in settings.AUTHENTICATION_BACKENDS:
        backend = load_backend(path)
        if getattr(backend, "get_user", lambda key: None)(user.pk) == user:
            return str(path)
    raise NotApplicable("No backend in AUTHENTICATION_BACKENDS returns a user by its key.")


def _confirm_second_factor(client: Client, user: Any) -> None:
    # The project may require two-factor authentication.
    if not apps.is_installed("django_otp.plugins.otp_static"):
        return
    from django_otp import DEVICE_ID_SESSION_KEY
    from django_otp.plugins.otp_static.models import StaticDevice

    device, _made = StaticDevice.objects.get_or_create(user=user, name="probe", defaults={"confirmed": True})
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    session.save()


def _cookie(stage: Stage, reader: TenantInfo | None) -> str:
    theirs = _signed_in(stage.owner, stage.secret)
    path = _path_with_user(theirs, stage)
    here = _client(reader)
    here.cookies = theirs.cookies
    with use_tenant(reader or PLATFORM):
        user = getattr(_get(here, path).wsgi_request, "user", None)
        if user is None or not user.is_authenticated:
            return ""
        return str(user.get_username()) if user.get_username() == stage.secret else ""


def _path_with_user(client: Client, stage: Stage) -> str:
    """Return the path of a page that reads the session. Some projects have none at `/`."""
    with use_tenant(stage.owner):
        for path in ("/", *(path for path, _ in islice(_pages_of(tenancy().tenant_urlconf), _MAX_PAGES))):
            if hasattr(_get(client, path).wsgi_request, "user"):
                return path
    raise NotApplicable("No page without parameters has request.user.")


def _pages(stage: Stage, reader: TenantInfo | None) -> str:
    # As an anonymous visitor, of the owner first, so that caches have its pages.
    paths = [path for path, _ in islice(_pages_of(tenancy().tenant_urlconf), _MAX_PAGES)]
    owner, here = _client(stage.owner), _client(reader)
    revealing = [path for path in paths if stage.owner.name in _body(_get(owner, path))]
    if not revealing:
        raise NotApplicable("No page without parameters shows the tenant's name to anonymous visitors.")
    return ", ".join(path for path in revealing if stage.owner.name in _body(_get(here, path)))


def _admin_of_platform(stage: Stage, reader: TenantInfo | None) -> str:
    # As a superuser, every changelist of control-plane models, in the admins of both sides.
    paths = {
        path
        for urlconf in (settings.ROOT_URLCONF, tenancy().tenant_urlconf)
        for path, callback in _pages_of(urlconf)
        if placement_of(_label_of(callback)) is Placement.SHARED
    }
    if not paths:
        raise NotApplicable("No admin has models of the control plane.")
    if reader is not None and not reader.is_platform and not _has_users(reader):
        client = _client(reader)  # its hosts have no sign-in
    else:
        client = _signed_in(reader or PLATFORM, f"{stage.secret}-operator", superuser=True)
    return ", ".join(path for path in sorted(paths) if _get(client, path).status_code == 200)


def _label_of(callback: Any) -> str:
    model_admin = getattr(callback, "model_admin", None)
    return str(model_admin.model._meta.app_label) if model_admin is not None else ""


def _after_response(stage: Stage, reader: TenantInfo | None) -> str:
    if reader == stage.owner:
        with use_tenant(stage.owner):
            return str(active_tenant())
    _get(_client(stage.owner), "/")
    return str(active_tenant() or "")


def _unknown_host(stage: Stage, reader: TenantInfo | None) -> str:
    host = stage.owner.host if reader == stage.owner else f"unknown-{stage.secret}.{tenancy().base_domain}"
    response = _get(Client(raise_request_exception=False, HTTP_HOST=host), "/")
    # A project need not have a page at `/`. What counts is whether a tenant responded.
    tenant = getattr(response.wsgi_request, "tenant", None)
    return f"status {response.status_code}, of {tenant}" if tenant is not None or response.status_code != 404 else ""


def _pages_of(urlconf: str) -> Iterator[tuple[str, Any]]:
    """Yield path and view of every pattern without parameters and regular expressions."""
    return ((address, view) for address, view in views_of(urlconf) if not set(address) & set("<^$(\\"))
