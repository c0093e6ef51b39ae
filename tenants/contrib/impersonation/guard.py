"""Signal receivers that prevent a shop's code from changing, deleting or creating operators' accounts."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models.signals import m2m_changed, pre_delete, pre_save

from tenants.context import active_tenant
from tenants.contrib.impersonation.backend import PREFIX, is_operator_account, is_writing_account
from tenants.contrib.impersonation.errors import OperatorAccountRefused

logger = logging.getLogger(__name__)


def guard_operator_accounts() -> None:
    """Connect the receivers."""
    users = get_user_model()
    pre_save.connect(_restore_fields, sender=users, dispatch_uid="tenants.contrib.impersonation.guard")
    pre_delete.connect(_refuse_deletion, sender=users, dispatch_uid="tenants.contrib.impersonation.guard")
    for field in users._meta.many_to_many:
        if field.name in {"groups", "user_permissions"}:
            through: Any = field.remote_field.through
            m2m_changed.connect(_refuse_rights, sender=through, dispatch_uid="tenants.contrib.impersonation.guard")


def _restore_fields(*, instance: Any, raw: bool, **_: Any) -> None:
    if raw or is_writing_account() or not _is_in_shop():
        return
    if instance._state.adding:
        if is_operator_account(instance):
            raise OperatorAccountRefused(instance.get_username())
        return
    users: Any = get_user_model()
    stored = users._base_manager.filter(pk=instance.pk, **{f"{users.USERNAME_FIELD}__startswith": PREFIX})
    for values in stored.values(*(field.attname for field in users._meta.concrete_fields)):
        # Not an error: Django saves each login, and an app may save a whole user for another reason.
        changed = [name for name, value in values.items() if name != "last_login" and getattr(instance, name) != value]
        for name in changed:
            setattr(instance, name, values[name])
        if changed:
            logger.warning("%s", OperatorAccountRefused(instance.get_username()))


def _refuse_deletion(*, instance: Any, **_: Any) -> None:
    if _is_in_shop() and is_operator_account(instance):
        raise OperatorAccountRefused(instance.get_username())


def _refuse_rights(*, instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **_: Any) -> None:
    if not action.startswith("pre_") or is_writing_account() or not _is_in_shop():
        return
    users: Any = get_user_model()
    if not reverse:
        affected = [instance]
    elif pk_set is not None:
        affected = users._default_manager.filter(pk__in=pk_set)
    else:  # a group or permission is cleared of all its users
        name = "groups" if isinstance(instance, Group) else "user_permissions"
        affected = users._default_manager.filter(**{name: instance})
    for user in affected:
        if is_operator_account(user):
            raise OperatorAccountRefused(user.get_username())


def _is_in_shop() -> bool:
    tenant = active_tenant()
    return tenant is not None and not tenant.is_platform
