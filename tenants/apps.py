"""Wires the engine into Django."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.apps import AppConfig, apps
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = _("The building")

    def ready(self) -> None:
        """Fit Django to tenants where it offers no setting, and keep this process's registry fresh."""
        from tenants import checks  # noqa: F401  # registers itself
        from tenants.contrib.impersonation.guard import guard_operator_accounts
        from tenants.http.error_pages import answer_what_was_stopped, render_error_pages_in_their_requests_thread
        from tenants.isolation.patches.deletion import follow_relations_of_one_side
        from tenants.isolation.patches.models import guard_generic_relations, guard_records
        from tenants.isolation.patches.process_state import watch_process_state
        from tenants.isolation.patches.request_state import keep_with_requests
        from tenants.isolation.router import hold_other_routers
        from tenants.isolation.scoping import scope_content_types, scope_sites
        from tenants.management.error_messages import explain_errors_of_commands
        from tenants.models import Domain, Mount, Service, ServiceAddress, Tenant
        from tenants.postgresql.connection_watch import guard_blocks
        from tenants.postgresql.creation import DatabaseCreation

        keep_with_requests()
        watch_process_state()
        guard_blocks()
        guard_records()
        guard_generic_relations()
        hold_other_routers()
        guard_operator_accounts()
        scope_content_types()
        if apps.is_installed("django.contrib.sites"):
            scope_sites()
        follow_relations_of_one_side()
        render_error_pages_in_their_requests_thread()
        explain_errors_of_commands()
        answer_what_was_stopped()
        if _leave_test_database not in DatabaseCreation.before_drop:
            DatabaseCreation.before_drop.append(_leave_test_database)
        for model in (Tenant, Domain, Mount):
            post_save.connect(_forget, sender=model, dispatch_uid="tenants.registry.lookup")
            post_delete.connect(_forget, sender=model, dispatch_uid="tenants.registry.lookup")
        for registered in (Service, ServiceAddress):
            post_save.connect(_read_services_again, sender=registered, dispatch_uid="tenants.directory")
            post_delete.connect(_read_services_again, sender=registered, dispatch_uid="tenants.directory")
        m2m_changed.connect(_read_services_again, sender=Service.tenants.through, dispatch_uid="tenants.directory")


def _leave_test_database() -> None:
    from tenants.contrib.api.usage import usage
    from tenants.registry.listener import listener
    from tenants.registry.lookup import registry

    listener.stop()
    usage.forget()  # else it is written into the database that the settings name again after the tests
    registry.clear()


def _forget(*, instance: Any, **_: object) -> None:
    from tenants.registry.lookup import registry

    tenant_id = getattr(instance, "tenant_id", instance.pk)
    transaction.on_commit(partial(registry.forget, tenant_id))


def _read_services_again(**_: object) -> None:
    from tenants.contrib.services.directory import directory

    transaction.on_commit(directory.clear)
