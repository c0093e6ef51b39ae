"""Base class of admins in which users see and revoke their own rows without permissions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin

SAVE_ONLY = {"show_save_and_add_another": False, "show_save_and_continue": False}
"""Context of an add form whose response shows a secret."""


def wrapped_code(text: str) -> str:
    """Return a long token as code that wraps, so that it does not widen the page on a phone."""
    return format_html('<code style="overflow-wrap: anywhere">{}</code>', text)


class OwnedByUserAdmin(ModelAdmin):
    """Rows with a `user`: users without the view permission see their own."""

    revoke_permission: ClassVar[str]
    """Permission for rows of other users, for example `oauth.change_apikey`."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).select_related("user")
        return rows if super().has_view_permission(request) else rows.filter(user=request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        own = obj is None or getattr(obj, "user_id", None) == request.user.pk
        return own or super().has_view_permission(request, obj)

    def can_revoke(self, request: HttpRequest, row: Any) -> bool:
        return row.user_id == request.user.pk or request.user.has_perm(self.revoke_permission)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
