"""The operator's account in a shop, and the authentication backend that gives it permissions during a session."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.db import DataError, IntegrityError, transaction
from django.db.models import QuerySet

from tenants.errors import ConfigurationError, in_one_line

# What is created in these apps would give access after the operator's session.
_READ_ONLY_APPS = frozenset({"auth", "oauth"})
_HIDDEN_APPS = frozenset({"otp_totp", "otp_static", "axes"})

PREFIX = "operator:"
"""Prefix of the user name. Forms refuse a colon in a user name, so no user of the shop can have one."""

_writing: ContextVar[bool] = ContextVar("writing_operator_account", default=False)


def is_operator_name(name: str) -> bool:
    return name.startswith(PREFIX)


def is_operator_account(user: Any) -> bool:
    return is_operator_name(user.get_username())


def exclude_operators(users: QuerySet[Any]) -> QuerySet[Any]:
    return users.exclude(**{f"{users.model.USERNAME_FIELD}__startswith": PREFIX})


def is_writing_account() -> bool:
    """Return True within `operator_account`, the only function that may write such accounts."""
    return _writing.get()


def is_read_only(app_label: str) -> bool:
    """Tell whether operators may only view an app in a shop: also the one of the project's User model."""
    return app_label in _READ_ONLY_APPS or app_label == get_user_model()._meta.app_label


def operator_account(operator_id: str, operator: str) -> Any:
    """Create or reset an operator's account in the active tenant: no password, no permissions.

    Raises `ConfigurationError` if the User model requires other values.
    """
    users: Any = get_user_model()
    name = f"{PREFIX}{operator_id}"
    token = _writing.set(True)
    try:
        # Not the default manager, which may hide users without some property.
        with transaction.atomic():
            account, _ = users._base_manager.update_or_create(
                **{users.USERNAME_FIELD: name}, defaults=_values(users, name, operator)
            )
        for name in {"groups", "user_permissions"} & {field.name for field in users._meta.many_to_many}:
            getattr(account, name).clear()
    except (IntegrityError, DataError) as error:
        raise ConfigurationError(
            f"The operator's account could not be written: {in_one_line(error)}. Give the fields of "
            f"{users._meta.label} defaults that fit an account without a person."
        ) from error
    finally:
        _writing.reset(token)
    return account


def _values(users: Any, name: str, operator: str) -> dict[str, Any]:
    """Return the values of those fields that the User model has."""
    values: dict[str, Any] = {
        "first_name": "Operator",
        "last_name": operator,
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "password": make_password(None),
    }
    fields = {field.name: field for field in users._meta.concrete_fields}
    email = fields.get(users.get_email_field_name())
    if email is not None and email.name != users.USERNAME_FIELD:
        values[email.name] = name if email.unique else ""
    return {key: _cut(value, fields[key]) for key, value in values.items() if key in fields}


def _cut(value: Any, field: Any) -> Any:
    return value[: field.max_length] if isinstance(value, str) else value


class OperatorBackend(BaseBackend):
    """Grants permissions for the duration of an operator's session; none of them is stored in a row."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        """Return None: only a link starts a session."""

    def get_user(self, user_id: Any) -> Any:
        user: Any = get_user_model()._base_manager.filter(pk=user_id, is_active=True).first()
        if user is None or not is_operator_account(user):
            return None
        user.is_staff = True
        user.has_operator_session = True
        return user

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        app, _, action = perm.partition(".")
        return self.has_module_perms(user_obj, app) and (not is_read_only(app) or action.startswith("view_"))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        has_session = getattr(user_obj, "has_operator_session", False)
        return has_session and user_obj.is_active and app_label not in _HIDDEN_APPS
