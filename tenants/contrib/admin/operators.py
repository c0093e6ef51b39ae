"""Operators and their groups: the users of the control plane, who have no account in any shop."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import ManyToManyField, Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm

from tenants.context import PLATFORM
from tenants.contrib.accounts import user_model
from tenants.contrib.accounts.user_admin import InvitationMixin
from tenants.contrib.admin.site import platform_site
from tenants.isolation.app_placement import app_labels_for


class PlatformPermissionsMixin:
    """Offers only permissions on models of the control plane."""

    def formfield_for_manytomany(self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.remote_field.model is Permission:
            permissions = Permission.objects.select_related("content_type")
            # Only workers use the tables of the queue.
            labels = app_labels_for(PLATFORM) - {"procrastinate"}
            kwargs["queryset"] = permissions.filter(content_type__app_label__in=labels)
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


@admin.register(get_user_model(), site=platform_site)
class OperatorAdmin(PlatformPermissionsMixin, InvitationMixin, BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    """Accounts of operators. Only superusers assign permissions."""

    form = user_model.change_form()
    add_form = user_model.creation_form()
    change_password_form = AdminPasswordChangeForm
    fieldsets = user_model.fieldsets()
    add_fieldsets = user_model.add_fieldsets()
    list_display = [*user_model.name_fields(), *user_model.existing("is_active", "is_superuser", "last_login")]
    list_filter: ClassVar[Any] = user_model.existing("is_active", "is_superuser", "groups")
    search_fields = [*user_model.name_fields(), *user_model.existing("first_name", "last_name")]
    ordering: ClassVar[Any] = user_model.name_fields()[:1]
    filter_horizontal = user_model.existing("groups", "user_permissions")
    compressed_fields = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": _("Operators"), **(extra_context or {})})

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        rights = () if request.user.is_superuser else ("is_superuser", "groups", "user_permissions")
        return tuple(user_model.existing(*rights, "last_login", "date_joined"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.is_staff = True
        super().save_model(request, obj, form, change)


@admin.register(Group, site=platform_site)
class OperatorGroupAdmin(PlatformPermissionsMixin, BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Groups of operators. Only superusers change their permissions."""

    compressed_fields = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": _("Operator groups"), **(extra_context or {})})

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("permissions",)
