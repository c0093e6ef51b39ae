"""Tenants in the operator's admin: the list, and a tenant's page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from tenants.admin.audit import AuditedTenantMixin
from tenants.conf import tenancy
from tenants.contrib.admin import tenant_columns as col
from tenants.contrib.admin.domains import DomainInline
from tenants.contrib.admin.forms import GENERAL_FIELDS, LIMIT_FIELDS, TenantForm
from tenants.contrib.admin.site import platform_site
from tenants.contrib.admin.tenant_summary import (
    MigrationStatus,
    add_summaries,
    migration_filter,
    tenants_to_migrate,
)
from tenants.contrib.admin.views import OF_ALL_TENANTS, OF_ONE_TENANT, TenantView, lifecycle
from tenants.contrib.admin.views.create import create
from tenants.models import Tenant
from tenants.registry.tenant_info import annotated_tenants, info_of

_DATABASE_FIELDS = ("variant", col.schema, "role", col.size, col.contents, col.migrations_in_full, "created_at")
_INLINES: list[Any] = [DomainInline]
_FIELDSETS: Any = [
    (None, {"fields": ["name", "slug", *GENERAL_FIELDS[1:]]}),
    (_("Database"), {"fields": _DATABASE_FIELDS}),
]
_READONLY_FIELDS: list[Any] = ["slug", *_DATABASE_FIELDS]

if apps.is_installed("tenants.contrib.mounts"):
    from tenants.contrib.admin.mounts import MountInline

    _INLINES.append(MountInline)

if apps.is_installed("tenants.contrib.limits"):
    from tenants.contrib.admin import limits

    _FIELDSETS.append(limits.FIELDSET)
    _READONLY_FIELDS += limits.READONLY_FIELDS


class TenantChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: list[Tenant] = list(self.result_list)
        add_summaries(self.result_list)


class MigrationsFilter(admin.SimpleListFilter):
    title = _("migrations")
    parameter_name = "migrations"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return MigrationStatus.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> QuerySet[Tenant]:
        value = self.value()
        if value is None or value not in MigrationStatus.values:
            return queryset
        return queryset.filter(migration_filter(MigrationStatus(value)))


@admin.register(Tenant, site=platform_site)
class TenantAdmin(AuditedTenantMixin, ModelAdmin):
    """All tenants. What concerns a schema goes through `tenants.lifecycle`, never through the row alone."""

    form = TenantForm
    inlines = _INLINES
    list_display = [col.tenant, col.address, col.status_label, col.schema, col.size, col.migrations, "created_at"]
    list_filter = ["status", MigrationsFilter, "variant"]
    list_per_page = 50
    list_before_template = "tenants/admin/tenant_list_buttons.html"
    search_fields = ["slug", "name", "domains__host"]
    search_help_text = _("Slug, name or domain")
    fieldsets = _FIELDSETS
    readonly_fields = _READONLY_FIELDS
    change_form_outer_before_template = "tenants/admin/tenant_buttons.html"
    add_form_template = "tenants/admin/create_tenant.html"
    actions = [lifecycle.suspend_selected, lifecycle.resume_selected]
    audited = {"limits": ("plan", *LIMIT_FIELDS), "change": GENERAL_FIELDS}

    # --- Views

    def get_urls(self) -> list[URLPattern]:
        # Before Django's own URLs, the last of which matches any path.
        return [
            *(self._url(view, "") for view in OF_ALL_TENANTS),
            *(self._url(view, "<path:object_id>/") for view in OF_ONE_TENANT),
            *super().get_urls(),
        ]

    def _url(self, entry: TenantView, prefix: str) -> URLPattern:
        permissions = [f"tenants.{action}_tenant" for action in entry.permissions]

        def view(request: HttpRequest, object_id: str | None = None) -> HttpResponse:
            if not request.user.has_perms(permissions):
                raise PermissionDenied
            if object_id is None:
                return entry.view(self, request)
            tenant = self.get_object(request, unquote(object_id))
            return entry.view(self, request, tenant) if tenant else self._not_found(request, object_id)

        guarded = self.admin_site.admin_view(require_POST(view) if entry.post_only else view)
        url: URLPattern = path(f"{prefix}{entry.path}/", guarded, name=entry.url_name)
        return url

    def _not_found(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return cast(HttpResponse, self._get_obj_does_not_exist_redirect(request, self.opts, object_id))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"to_migrate": tenants_to_migrate().count(), "restores": bool(tenancy().backup_dir)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @method_decorator(sensitive_post_parameters("owner_password"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a tenant's page, or the form that creates one: a row is inserted by `create_tenant` alone."""
        if object_id is None or "_saveasnew" in request.POST:
            return create(self, request, extra_context)
        context = {"show_save_and_add_another": False, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        tenant = self.get_object(request, unquote(object_id))
        if not self.has_delete_permission(request, tenant):
            raise PermissionDenied
        return lifecycle.delete(self, request, tenant) if tenant else self._not_found(request, object_id)

    def has_delete_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        """Refuse what is deleted already."""
        exists = obj is None or info_of(obj).exists
        return exists and bool(super().has_delete_permission(request, obj))

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Return the actions without Django's own, which deletes rows; `action_location` is new in Django 6.1."""
        location = {} if action_location is None else {"action_location": action_location}
        actions: dict[str, Any] = super().get_actions(request, **location)
        actions.pop("delete_selected", None)
        return actions

    # --- Rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return annotated_tenants()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TenantChangeList]:
        return TenantChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Tenant | None:
        tenant = cast("Tenant | None", super().get_object(request, object_id, from_field))
        if tenant is not None:
            add_summaries([tenant])
        return tenant
