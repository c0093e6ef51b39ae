"""Django's signals around migrations, sent where somebody needs them.

Django sends `pre_migrate` and `post_migrate` to every app around every run. Its own receivers keep the rows of content
types and permissions, which change only with the set of models. If they are the only ones, the signals are not sent
for schemas in which there is nothing for them to do; if a stranger listens, they always are.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import Context
from functools import cache
from importlib import import_module
from weakref import ReferenceType

from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.core.signals import setting_changed
from django.db import connection
from django.db.migrations.operations import AlterModelOptions, CreateModel, DeleteModel, RenameModel
from django.db.migrations.state import ProjectState
from django.db.models.signals import post_migrate, pre_migrate
from django.dispatch import Signal
from django.utils.module_loading import module_has_submodule

from tenants.migrator.graph import Plan

_CHANGE_THE_SET_OF_MODELS = (AlterModelOptions, CreateModel, DeleteModel, RenameModel)
_OUR_ACQUAINTANCES = ("django.contrib.auth.management", "django.contrib.contenttypes.management")


def changes_models(plan: Plan) -> bool:
    """Tell whether content types or permissions may have to follow a plan."""
    operations = (operation for migration, _ in plan for operation in migration.operations)
    return any(isinstance(operation, _CHANGE_THE_SET_OF_MODELS) for operation in operations)


@cache
def connect_receivers() -> None:
    """Import the package `management` of each app: Django's `migrate` does so, and some connect their receivers there.

    They are imported while no tenant is active, as any module that may have a queryset in it.
    """
    for config in apps.get_app_configs():
        if config.module is not None and module_has_submodule(config.module, "management"):
            Context().run(import_module, f"{config.name}.management")


def _connect_again(*, setting: str, **_: object) -> None:
    if setting == "INSTALLED_APPS":
        connect_receivers.cache_clear()


setting_changed.connect(_connect_again, dispatch_uid="tenants.migrator.signals")


def strangers_listen() -> bool:
    """Tell whether somebody beside Django's auth and contenttypes wants to hear of migrations."""
    connect_receivers()
    return any(
        not module.startswith(_OUR_ACQUAINTANCES)
        for signal in (pre_migrate, post_migrate)
        for module in _modules(signal)
    )


def _modules(signal: Signal) -> Iterable[str]:
    for entry in signal.receivers:
        receiver = entry[1]
        function = receiver() if isinstance(receiver, ReferenceType) else receiver
        if function is not None:
            yield function.__module__


def somebody_cares(plan: Plan) -> bool:
    """Tell whether the signals have to be sent around a plan."""
    return strangers_listen() or changes_models(plan)


def announce_before(plan: Plan, state: ProjectState) -> None:
    """Send `pre_migrate`; contenttypes adds steps to the plan for models that are renamed."""
    connect_receivers()
    emit_pre_migrate_signal(0, False, connection.alias, apps=state.apps, plan=plan)


def announce_after(plan: Plan, state: ProjectState) -> None:
    """Send `post_migrate`; content types and permissions are brought up to date."""
    state.clear_delayed_apps_cache()
    emit_post_migrate_signal(0, False, connection.alias, apps=state.apps, plan=plan)
