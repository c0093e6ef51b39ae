"""Admin of signing keys: list and rotate."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from tenants.contrib.oauth.admin.base import SAVE_ONLY, wrapped_code
from tenants.contrib.oauth.keys import key_generations, rotate_key
from tenants.contrib.oauth.models import SigningKey


class SigningKeyAdmin(ModelAdmin):
    list_display = ["kid", "state", "created", "retired", "published_until"]
    fields = ["key_id", "created", "retired", "published_until"]
    readonly_fields = fields
    actions_submit_line = ["change_key", "change_at_once"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningKey]:
        """Return the keys of the current generations, without their private part."""
        rows: QuerySet[SigningKey] = super().get_queryset(request).filter(generation__in=key_generations())
        return rows.defer("private")

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        # Nothing can be edited, so there are no save buttons.
        hidden = {**SAVE_ONLY, "show_save": False, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, hidden)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        key = self.get_object(request, str(object_id))
        return super().get_actions_submit_line(request, object_id) if key and key.retired is None else []

    def save_model(self, request: HttpRequest, obj: SigningKey, form: Any, change: bool) -> None:
        # Nothing is saved; the form is only sent by the two buttons.
        for button in self.get_actions_submit_line(request, obj.pk):
            if button.action_name in request.POST:
                button.method(request, obj)

    @action(description=_("Rotate key"), permissions=["change"])
    def change_key(self, request: HttpRequest, key: SigningKey) -> None:
        rotate_key()
        self.log_change(request, key, "Rotated.")
        self.message_user(request, gettext("A new key signs tokens. Issued tokens stay valid until they expire."))

    @action(description=_("Rotate key and revoke all tokens"), permissions=["change"])
    def change_at_once(self, request: HttpRequest, key: SigningKey) -> None:
        self.log_change(request, key, "Rotated; tokens revoked.")
        rotate_key(at_once=True)
        self.message_user(request, gettext("A new key signs tokens. All tokens issued before are invalid."))

    @display(description=_("key ID"))
    def key_id(self, key: SigningKey) -> str:
        return wrapped_code(key.kid)

    @display(description=_("status"), label={"active": "success", "retired": "warning"})
    def state(self, key: SigningKey) -> tuple[str, Any]:
        return ("active", _("active")) if key.retired is None else ("retired", _("retired, still verifies"))
