"""Guards on the accounts that stand for operators: no code of a shop changes, deletes or makes one, by any way."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models.signals import m2m_changed, pre_delete, pre_save

from tenants.context import active_tenant
from tenants.contrib.impersonation.backend import PREFIX, is_operator_account, is_preparing
from tenants.contrib.impersonation.errors import OperatorAccountRefused

logger = logging.getLogger(__name__)


def guard_operator_accounts() -> None:
    """Let no save change an operator's account, and refuse to make or delete one and to give it rights."""
    users = get_user_model()
    pre_save.connect(_keep_as_it_is, sender=users, dispatch_uid="tenants.contrib.impersonation.guard")
    pre_delete.connect(_refuse_to_delete, sender=users, dispatch_uid="tenants.contrib.impersonation.guard")
    for field in users._meta.many_to_many:
        if field.name in {"groups", "user_permissions"}:
            through: Any = field.remote_field.through
            m2m_changed.connect(_refuse_rights, sender=through, dispatch_uid="tenants.contrib.impersonation.guard")


def _keep_as_it_is(*, instance: Any, raw: bool, **_: Any) -> None:
    if raw or is_preparing() or not _is_in_shop():
        return
    if instance._state.adding:
        if is_operator_account(instance):
            raise OperatorAccountRefused(instance.get_username())
        return
    users: Any = get_user_model()
    stored = users._base_manager.filter(pk=instance.pk, **{f"{users.USERNAME_FIELD}__startswith": PREFIX})
    for kept in stored.values(*(field.attname for field in users._meta.concrete_fields)):
        # Django notes each login, and an app may save a whole user: what they wrote is not the account.
        changed = [name for name, value in kept.items() if name != "last_login" and getattr(instance, name) != value]
        for name in changed:
            setattr(instance, name, kept[name])
        if changed:
            logger.warning("%s", OperatorAccountRefused(instance.get_username()))


def _refuse_to_delete(*, instance: Any, **_: Any) -> None:
    if _is_in_shop() and is_operator_account(instance):
        raise OperatorAccountRefused(instance.get_username())


def _refuse_rights(*, instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **_: Any) -> None:
    if not action.startswith("pre_") or is_preparing() or not _is_in_shop():
        return
    users: Any = get_user_model()
    if not reverse:
        named = [instance]
    elif pk_set is not None:
        named = users._default_manager.filter(pk__in=pk_set)
    else:  # a group or permission is taken from all who have it
        name = "groups" if isinstance(instance, Group) else "user_permissions"
        named = users._default_manager.filter(**{name: instance})
    for user in named:
        if is_operator_account(user):
            raise OperatorAccountRefused(user.get_username())


def _is_in_shop() -> bool:
    tenant = active_tenant()
    return tenant is not None and not tenant.is_platform
