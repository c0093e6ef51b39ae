"""Removal of personal data from a clone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db.models import CharField, F, Model, Value
from django.db.models.functions import Cast, Concat
from django.utils.module_loading import import_string

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.errors import ConfigurationError
from tenants.isolation.app_placement import is_installed_for
from tenants.lifecycle.users import has_users

_SECOND_FACTORS = ("django_otp.plugins.otp_static", "django_otp.plugins.otp_totp")
"""Apps whose rows are secrets of users."""


def anonymizers() -> list[Callable[[], None]]:
    """Return the engine's anonymizer and those in `TENANTS["ANONYMIZERS"]`; raise `ConfigurationError`."""
    return [anonymize_users, *map(_function, tenancy().anonymizers)]


def anonymize_users() -> None:
    """Replace users' names and addresses, and delete their passwords, second factors and the admin's log."""
    if not has_users():
        return
    users: type[Model] = get_user_model()
    known = {field.name for field in users._meta.concrete_fields}
    # No real user has such an address (RFC 2606), so that no row conflicts with one that is not updated yet.
    address = Concat(Value("user"), Cast(F("pk"), CharField()), Value("@example.invalid"))
    values: dict[str, Any] = {
        get_user_model().get_email_field_name(): address,
        "first_name": Value("User"),
        "last_name": Cast(F("pk"), CharField()),
        get_user_model().USERNAME_FIELD: address,
        "password": make_password(None),
    }
    users._base_manager.update(**{name: value for name, value in values.items() if name in known})
    for label in _SECOND_FACTORS:
        if apps.is_installed(label):
            for model in apps.get_app_config(label.rpartition(".")[2]).get_models():
                model._base_manager.all().delete()
    if apps.is_installed("django.contrib.admin") and is_installed_for("admin", current_tenant()):
        apps.get_model("admin", "LogEntry")._base_manager.all().delete()


def _function(path: str) -> Callable[[], None]:
    try:
        function: Callable[[], None] = import_string(path)
    except ImportError as error:
        raise ConfigurationError(f"TENANTS['ANONYMIZERS'] names {path!r}, which cannot be imported: {error}") from error
    return function
