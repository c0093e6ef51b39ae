"""Operators and their groups: the users of the control plane, who are nobody in any shop."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import ManyToManyField, Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants.context import PLATFORM
from tenants.contrib.accounts.user_admin import InvitesUsers
from tenants.contrib.admin.site import platform_site
from tenants.isolation.app_placement import app_labels_for


class _RightsOfThePlatform:
    """Offers the permissions on the control plane's own models alone: the others mean nothing here."""

    def formfield_for_manytomany(self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.remote_field.model is Permission:
            rights = Permission.objects.select_related("content_type")
            # The queue's tables are the workers' business; operations are what operators see of it.
            labels = app_labels_for(PLATFORM) - {"procrastinate"}
            kwargs["queryset"] = rights.filter(content_type__app_label__in=labels)
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


@admin.register(User, site=platform_site)
class OperatorAdmin(_RightsOfThePlatform, InvitesUsers, BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    """Accounts of operators. Only a superuser hands out rights, and nobody touches whoever may do more."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser", "groups"]
    compressed_fields = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": _("Operators"), **(extra_context or {})})

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if request.user.is_superuser:
            return ("last_login", "date_joined")
        return ("is_superuser", "groups", "user_permissions", "last_login", "date_joined")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save an account; a new one may sign in here at once, and then see what it has rights to."""
        if not change:
            obj.is_staff = True
        super().save_model(request, obj, form, change)


@admin.register(Group, site=platform_site)
class OperatorGroupAdmin(_RightsOfThePlatform, BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Groups of operators. Their rights are for superusers to change."""

    compressed_fields = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": _("Groups of operators"), **(extra_context or {})})

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("permissions",)
