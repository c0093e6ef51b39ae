"""Signing keys in a shop's admin: seen and changed."""

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
    """What the tokens of this shop are signed with."""

    list_display = ["kid", "state", "created", "retired", "published_until"]
    fields = ["key_id", "created", "retired", "published_until"]
    readonly_fields = fields
    actions_submit_line = ["change_key", "change_at_once"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningKey]:
        """Return the keys of this generation of the shop, without their private parts."""
        rows: QuerySet[SigningKey] = super().get_queryset(request).filter(generation__in=key_generations())
        return rows.defer("private")

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Leave out the buttons that save: there is nothing to."""
        hidden = {**SAVE_ONLY, "show_save": False, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, hidden)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one that signs, always."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They go by themselves, when nothing that they signed is good any more."""
        return False

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Offer the buttons at the key that signs."""
        key = self.get_object(request, str(object_id))
        return super().get_actions_submit_line(request, object_id) if key and key.retired is None else []

    def save_model(self, request: HttpRequest, obj: SigningKey, form: Any, change: bool) -> None:
        """Save nothing: what the page has beside its buttons is only shown."""
        for button in self.get_actions_submit_line(request, obj.pk):
            if button.action_name in request.POST:
                button.method(request, obj)

    @action(description=_("Sign with another key from now on"), permissions=["change"])
    def change_key(self, request: HttpRequest, key: SigningKey) -> None:
        """Change the key; tokens stay good."""
        rotate_key()
        self.log_change(request, key, "Retired.")
        self.message_user(
            request, gettext("Another key signs. Tokens that were given out stay good until they expire.")
        )

    @action(description=_("Change it at once, and make all tokens void"), permissions=["change"])
    def change_at_once(self, request: HttpRequest, key: SigningKey) -> None:
        """Change the key; tokens are void."""
        self.log_change(request, key, "Withdrawn.")
        rotate_key(at_once=True)
        self.message_user(request, gettext("Another key signs, and no token from before is good any more."))

    @display(description=_("key id"))
    def key_id(self, key: SigningKey) -> str:
        """Print the id."""
        return wrapped_code(key.kid)

    @display(description=_("state"), label={"signs": "success", "verifies": "warning"})
    def state(self, key: SigningKey) -> tuple[str, Any]:
        """Say what it is for."""
        return ("signs", _("signs")) if key.retired is None else ("verifies", _("still verifies"))
