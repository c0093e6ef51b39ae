"""The account in a shop's tables that stands for an operator: without a password, and without rights of its own."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.db.models import QuerySet

LOOK_ONLY = frozenset({"auth", "oauth"})
"""Apps in which an operator who has entered changes nothing: what is made there would still let somebody in later."""

_NOT_AT_ALL = frozenset({"otp_totp", "otp_static", "axes"})
PREFIX = "operator:"
"""No form of a shop takes a user name with a colon, so no user of the shop's is taken for an operator."""


_preparing: ContextVar[bool] = ContextVar("preparing_operator_account", default=False)


def is_operator_name(name: str) -> bool:
    """Tell whether an account of that user name stands for an operator."""
    return name.startswith(PREFIX)


def is_operator_account(user: Any) -> bool:
    """Tell whether a user of a shop is an account that stands for an operator."""
    return is_operator_name(user.get_username())


def without_operators(users: QuerySet[Any]) -> QuerySet[Any]:
    """Leave the accounts out that stand for operators."""
    return users.exclude(**{f"{users.model.USERNAME_FIELD}__startswith": PREFIX})


def is_preparing() -> bool:
    """Tell whether `account_of` is at work, the one function that writes such accounts."""
    return _preparing.get()


def account_of(operator_id: int, operator: str) -> Any:
    """Return the account of an operator in the active tenant, as it has to be: nobody can sign in with it."""
    users: Any = get_user_model()
    before = _preparing.set(True)
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
        _preparing.reset(before)
    return account


class OperatorBackend(BaseBackend):
    """Gives an operator rights for as long as the session lasts that a link has begun. Nothing of it is in a row."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        """Sign nobody in: that is done by a link alone."""

    def get_user(self, user_id: Any) -> Any:
        """Return the account with the rights of somebody who has entered."""
        user: Any = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
        if user is None or not is_operator_account(user):
            return None
        user.is_staff = True
        user.has_entered = True
        return user

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Tell whether somebody who has entered may do `perm`, which is `app.action_model`."""
        app, _, action = perm.partition(".")
        return self._may_see(user_obj, app) and (app not in LOOK_ONLY or action.startswith("view_"))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Tell whether somebody who has entered may see anything of an app."""
        return self._may_see(user_obj, app_label)

    def _may_see(self, user: Any, app_label: str) -> bool:
        return getattr(user, "has_entered", False) and user.is_active and app_label not in _NOT_AT_ALL
