"""Tenants in Django's admin. What concerns a schema goes through `tenants.lifecycle`, never through the row alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from tenants.admin import actions
from tenants.admin.audit import AuditedTenantMixin, as_operator
from tenants.admin.domains import DomainInline
from tenants.admin.forms import GENERAL_FIELDS, LIMIT_FIELDS, OWNER_FIELDS, NewTenantForm, TenantForm, owner_form_fields
from tenants.conf import tenancy
from tenants.errors import TenancyError
from tenants.lifecycle import delete_tenant
from tenants.lifecycle.owner import create_with_link
from tenants.lifecycle.users import tenants_have_users
from tenants.models import Tenant
from tenants.registry.tenant_info import annotated_tenants, info_of

_DATABASE_FIELDS = ("status", "address", "schema", "role", "variant", "created_at")
_REFUSED = "_tenancy_error"
"""Attribute of a request whose tenant could not be created."""


class TenantAdmin(AuditedTenantMixin, ModelAdmin):
    """Creates tenants with schema and owner, and suspends, resumes, deletes and undeletes them.

    A project's subclass may add inlines of models with a key to `Tenant`; they are in the form of a new tenant too.
    """

    form = TenantForm
    inlines = (DomainInline,)
    list_display = ("slug", "name", "status", "address", "schema", "variant", "created_at")
    list_filter = ("status", "variant")
    list_per_page = 50
    search_fields = ("slug", "name", "domains__host")
    actions: Any = (actions.suspend_selected, actions.resume_selected, actions.undelete_selected)
    audited = {"limits": LIMIT_FIELDS, "change": GENERAL_FIELDS}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return annotated_tenants()

    def get_fieldsets(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        if obj is None:
            general = (None, {"fields": (*NewTenantForm.Meta.fields, "variant_name")})
            owner = (_("Owner"), {"fields": (*OWNER_FIELDS, *owner_form_fields())})
            return [general, owner] if tenants_have_users() else [general]
        return [
            (None, {"fields": ("slug", *GENERAL_FIELDS)}),
            (_("Database"), {"fields": _DATABASE_FIELDS}),
            (_("Limits"), {"fields": LIMIT_FIELDS, "classes": ("collapse",)}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> tuple[str, ...]:
        # The slug is changed by `manage.py rename_tenant`.
        return () if obj is None else ("slug", *_DATABASE_FIELDS)

    def get_form(self, request: HttpRequest, obj: Tenant | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        attributes = {"refused": getattr(request, _REFUSED, None), **owner_form_fields()}
        form = type("NewTenantForm", (NewTenantForm,), attributes)
        return super().get_form(request, obj, change, **{"form": form, **kwargs})

    @method_decorator(sensitive_post_parameters("owner_password"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what `create_tenant` refuses as an error of the form; everything is rolled back."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except TenancyError as error:
            if object_id is not None or hasattr(request, _REFUSED):
                raise
            setattr(request, _REFUSED, error)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        with as_operator(request):
            info, link = create_with_link(form.spec())
        obj.__dict__.update(Tenant.objects.get(pk=info.id).__dict__)
        if link:
            text = gettext("Send this link to {}, who sets the password with it. It works once and is not shown again:")
            message = format_html("{} <code>{}</code>", text.format(form.cleaned_data["owner_email"]), link)
            messages.warning(request, message)

    def has_enter_permission(self, request: HttpRequest) -> bool:
        """Return whether the operator may log in to tenants, with `tenants.contrib.impersonation`."""
        return request.user.has_perm("tenants.enter_tenant")

    # --- Deletion, which keeps the data for the days of grace

    def has_delete_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        """Refuse what is deleted already."""
        return (obj is None or info_of(obj).exists) and bool(super().has_delete_permission(request, obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        days = tenancy().grace_days
        text = gettext("%(tenant)s: closed at once; schema %(schema)s and files are kept for %(days)d days")
        lines = [text % {"tenant": tenant, "schema": tenant.schema, "days": days} for tenant in objs]
        return lines, {self.opts.verbose_name_plural: len(lines)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Tenant) -> None:
        with as_operator(request):
            delete_tenant(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        for tenant in queryset:
            if info_of(tenant).exists:
                self.delete_model(request, tenant)

    # --- Columns

    @admin.display(description=_("address"))
    def address(self, tenant: Tenant) -> str:
        return format_html('<a href="{0}">{0}</a>', tenancy().url_of(info_of(tenant).host))

    @admin.display(description=_("schema"), ordering="pk")
    def schema(self, tenant: Tenant) -> str:
        return tenant.schema
