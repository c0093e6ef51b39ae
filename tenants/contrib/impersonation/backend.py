"""The operator's account in a shop, and the authentication backend that gives it permissions during a session."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.db.models import QuerySet

# What is created in these apps would give access after the operator's session.
READ_ONLY_APPS = frozenset({"auth", "oauth"})
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


def operator_account(operator_id: int, operator: str) -> Any:
    """Create or reset an operator's account in the active tenant: no password, no permissions."""
    users: Any = get_user_model()
    token = _writing.set(True)
    try:
        account, _ = users._default_manager.update_or_create(
            **{users.USERNAME_FIELD: f"{PREFIX}{operator_id}"},
            defaults={
                "first_name": "Operator",
                "last_name": operator[:150],
                users.get_email_field_name(): "",
                "is_active": True,
                "is_staff": False,
                "is_superuser": False,
                "password": make_password(None),
            },
        )
        for name in {"groups", "user_permissions"} & {field.name for field in users._meta.many_to_many}:
            getattr(account, name).clear()
    finally:
        _writing.reset(token)
    return account


class OperatorBackend(BaseBackend):
    """Grants permissions for the duration of an operator's session; none of them is stored in a row."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        """Return None: only a link starts a session."""

    def get_user(self, user_id: Any) -> Any:
        user: Any = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
        if user is None or not is_operator_account(user):
            return None
        user.is_staff = True
        user.has_operator_session = True
        return user

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        app, _, action = perm.partition(".")
        return self.has_module_perms(user_obj, app) and (app not in READ_ONLY_APPS or action.startswith("view_"))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        has_session = getattr(user_obj, "has_operator_session", False)
        return has_session and user_obj.is_active and app_label not in _HIDDEN_APPS
