"""The audit log in Django's admin, and the entries that the admin of tenants writes into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest

from tenants.lifecycle import audit
from tenants.lifecycle.audit import acting_as
from tenants.models import AuditEvent, Tenant
from tenants.registry.tenant_info import info_of


def actor(request: HttpRequest) -> str:
    """Return the name of the signed-in operator for the audit log."""
    return f"operator {request.user.get_username()}"


@contextmanager
def as_operator(request: HttpRequest) -> Iterator[None]:
    with acting_as(actor(request)):
        yield


class AuditedTenantMixin(ModelAdmin):
    """Writes changes of a tenant, and of the rows in its inlines, into the audit log."""

    audited: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Fields by the name of the action."""

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        with as_operator(request):
            for action, fields in self.audited.items():
                if changed := {name: form.cleaned_data[name] for name in fields if name in form.changed_data}:
                    audit.record(action, info_of(obj), **changed)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.has_changed():
            rows = formset.model._default_manager.filter(**{formset.fk.name: form.instance})
            action = f"change {formset.model._meta.model_name}s"
            with as_operator(request):
                audit.record(action, info_of(form.instance), now=[str(row) for row in rows])


class AuditEventAdmin(ModelAdmin):
    """The audit log, which is only viewed."""

    list_display = ("at", "action", "slug", "actor")
    list_filter = ("action",)
    search_fields = ("slug", "actor", "action")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False
