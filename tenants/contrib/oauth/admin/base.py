"""What somebody may see and end of their own without any permission, and of others' with one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin

SAVE_ONLY = {"show_save_and_add_another": False, "show_save_and_continue": False}
"""For a form after which there is something to read."""


def wrapped_code(text: str) -> str:
    """Return a text without spaces, of a kind that is copied, so that it does not widen the page of a phone."""
    return format_html('<code style="overflow-wrap: anywhere">{}</code>', text)


class OwnedByUserAdmin(ModelAdmin):
    """Rows that have a `user`. Whoever may see everybody's, sees them; everybody else, their own."""

    revoke_permission: ClassVar[str]
    """With which one may end rows of others, as `oauth.change_apikey`."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that this user may see."""
        rows: QuerySet[Any] = super().get_queryset(request).select_related("user")
        return rows if super().has_view_permission(request) else rows.filter(user=request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Everybody who works in the admin has own ones."""
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One's own can be seen, and others' with the permission."""
        own = obj is None or getattr(obj, "user_id", None) == request.user.pk
        return own or super().has_view_permission(request, obj)

    def can_revoke(self, request: HttpRequest, row: Any) -> bool:
        """Tell whether this user may end a row: their own, or with the permission any."""
        return row.user_id == request.user.pk or request.user.has_perm(self.revoke_permission)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted by hand: what ends stays as a record, or goes by its own button."""
        return False
