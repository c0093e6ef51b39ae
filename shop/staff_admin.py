"""Staff in the shop's admin: users of the active shop and their groups.

Only superusers grant permissions. Other staff can change only users without more permissions than their own.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants.contrib.accounts.user_admin import InvitationMixin

_APPS_OF_THE_SHOP = ("goods", "customers", "orders", "auth", "oauth")
_RIGHTS = ("is_superuser", "is_staff", "groups", "user_permissions")


def shop_permissions() -> QuerySet[Permission]:
    """Return the permissions that apply in a shop, with their content types, which `str` needs."""
    return Permission.objects.filter(content_type__app_label__in=_APPS_OF_THE_SHOP).select_related("content_type")


class ShopPermissionsMixin(ModelAdmin):
    """Offers the permissions of a shop only."""

    def formfield_for_manytomany(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.related_model is Permission:
            kwargs["queryset"] = shop_permissions()
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class StaffAdmin(InvitationMixin, auth_admin.UserAdmin, ShopPermissionsMixin):  # type: ignore[type-arg, misc]
    """Users. Those with `is_staff` can sign in here."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active", "groups"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        given = list(super().get_readonly_fields(request, obj))
        return given if request.user.is_superuser else [*given, *_RIGHTS]


class StaffGroupAdmin(auth_admin.GroupAdmin, ShopPermissionsMixin):  # type: ignore[misc]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser
