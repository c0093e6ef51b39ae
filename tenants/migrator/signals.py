"""Signals `pre_migrate` and `post_migrate`, sent only where a receiver needs them.

Django sends both to every app around every run. Its own receivers maintain content types and permissions, which change
only with the set of models. Without other receivers, the signals are therefore not sent unless that set changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import Context
from importlib import import_module
from weakref import ReferenceType

from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection
from django.db.migrations.operations import AlterModelOptions, CreateModel, DeleteModel, RenameModel
from django.db.migrations.state import ProjectState
from django.db.models.signals import post_migrate, pre_migrate
from django.dispatch import Signal
from django.utils.module_loading import module_has_submodule

from tenants.migrator.graph import Plan
from tenants.settings_cache import cached_from

_CHANGE_THE_SET_OF_MODELS = (AlterModelOptions, CreateModel, DeleteModel, RenameModel)
_BUILTIN_RECEIVERS = ("django.contrib.auth.management", "django.contrib.contenttypes.management")


def changes_models(plan: Plan) -> bool:
    """Return whether a plan may change content types or permissions."""
    operations = (operation for migration, _ in plan for operation in migration.operations)
    return any(isinstance(operation, _CHANGE_THE_SET_OF_MODELS) for operation in operations)


@cached_from("INSTALLED_APPS")
def connect_receivers() -> None:
    """Import the package `management` of each app, where some apps connect receivers, as Django's `migrate` does.

    No tenant is active during the import, since such a module may contain a queryset.
    """
    for config in apps.get_app_configs():
        if config.module is not None and module_has_submodule(config.module, "management"):
            Context().run(import_module, f"{config.name}.management")


def has_third_party_receivers() -> bool:
    """Return whether a receiver other than those of Django's auth and contenttypes is connected."""
    connect_receivers()
    return any(
        not module.startswith(_BUILTIN_RECEIVERS)
        for signal in (pre_migrate, post_migrate)
        for module in _modules(signal)
    )


def _modules(signal: Signal) -> Iterable[str]:
    for entry in signal.receivers:
        receiver = entry[1]
        function = receiver() if isinstance(receiver, ReferenceType) else receiver
        if function is not None:
            yield function.__module__


def signals_needed(plan: Plan) -> bool:
    return has_third_party_receivers() or changes_models(plan)


def send_pre_migrate(plan: Plan, state: ProjectState) -> None:
    """Send `pre_migrate`, in which contenttypes adds operations to the plan for renamed models."""
    connect_receivers()
    emit_pre_migrate_signal(0, False, connection.alias, apps=state.apps, plan=plan)


def send_post_migrate(plan: Plan, state: ProjectState) -> None:
    """Send `post_migrate`, which updates content types and permissions."""
    state.clear_delayed_apps_cache()
    emit_post_migrate_signal(0, False, connection.alias, apps=state.apps, plan=plan)
